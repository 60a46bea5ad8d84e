# Sourced by the scripts of the paper's rows, which are called as SCRIPT DATAROOT [--small] [FLAG OF train.py...].
# `row FLAG...` trains the model that these flags make, under the name SET_ROW; called again, it continues that run.
# With --seed N the name of the run is SET_ROW_seedN, so that a row can be trained with several seeds.
# With PRINT_FLAGS=1 it prints the flags instead. `run_of ROW` prints the name of a row's run, `rows` are all.
set -euo pipefail
rows="cut cut_tv cut_tv_l1 colorcut best fastcut cyclegan pix2pix"
usage=${usage:-"usage: $0 DATAROOT [--small] [FLAG OF train.py...]"}
[ $# -ge 1 ] || { echo "error: no DATAROOT given; $usage" >&2; exit 2; }
[ -d "$1" ] || { echo "error: no folder $1; $usage" >&2; exit 2; }
data_root=$(cd "$1" && pwd)
shift
preset=paper
if [ "${1:-}" = --small ]; then
    preset=small
    shift
fi
passed_on=()
for word in "$@"; do
    case $word in
        --*=*) passed_on+=("${word%%=*}" "${word#*=}") ;;
        *) passed_on+=("$word") ;;
    esac
done
checkpoints=checkpoints seed= time_limit=0
set -- "${passed_on[@]}"
while [ $# -gt 1 ]; do
    case $1 in
        --checkpoints_dir) checkpoints=$2 ;;
        --seed) seed=$2 ;;
        --time_limit) time_limit=$2 ;;
    esac
    shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

run_of() {
    local name
    name=$(basename "$data_root")_$1
    [ $preset = paper ] || name+=_$preset
    echo "$name${seed:+_seed$seed}"
}

row() {
    if [ -n "${PRINT_FLAGS:-}" ]; then
        echo "--preset $preset $*"
        return
    fi
    . scripts/lib/environment.sh
    local name
    name=$(run_of "$(basename "$0" .sh)")
    if [ -f "$checkpoints/$name/latest_state.pth" ]; then
        local trained_on
        trained_on=$(sed -n 's/^ *"dataroot": "\(.*\)",$/\1/p' "$checkpoints/$name/train_opt.json")
        if [ -d "$trained_on" ] && [ ! "$trained_on" -ef "$data_root" ]; then
            echo "error: $checkpoints/$name was trained on $trained_on; give $data_root another name" >&2
            exit 1
        fi
        "$PYTHON" train.py --name "$name" --continue_train --dataroot "$data_root" "${passed_on[@]}"
    else
        "$PYTHON" train.py --dataroot "$data_root" --name "$name" --preset $preset "$@" "${passed_on[@]}"
    fi
}
