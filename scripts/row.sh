# Sourced by the scripts of the paper's rows, which are called as SCRIPT DATAROOT [--small] [FLAG OF train.py...].
# `row FLAG...` trains the model that these flags make, under the name SET_ROW; called again, it goes on with that run.
# `run_of ROW` prints that name.
set -euo pipefail
usage=${usage:-"usage: $0 DATAROOT [--small] [FLAG OF train.py...]"}
[ $# -ge 1 ] || { echo "error: $usage" >&2; exit 1; }
[ -d "$1" ] || { echo "error: no folder $1; $usage" >&2; exit 1; }
data_root=$(cd "$1" && pwd)
shift
preset=paper
if [ "${1:-}" = --small ]; then
    preset=small
    shift
fi
passed_on=("$@")
checkpoints=checkpoints
while [ $# -gt 1 ]; do
    [ "$1" != --checkpoints_dir ] || checkpoints=$2
    shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

run_of() {
    local name
    name=$(basename "$data_root")_$1
    [ $preset = paper ] || name+=_$preset
    echo "$name"
}

row() {
    if [ -n "${PRINT_FLAGS:-}" ]; then
        echo "--preset $preset $*"
        return
    fi
    . scripts/environment.sh
    local name state
    name=$(run_of "$(basename "$0" .sh)")
    state=$checkpoints/$name/latest_state.pth
    if [ -f "$state" ]; then
        "$PYTHON" train.py --name "$name" --continue_train "${passed_on[@]}"
    else
        "$PYTHON" train.py --dataroot "$data_root" --name "$name" --preset $preset "$@" "${passed_on[@]}"
    fi
}
