# Sourced by the scripts of figures 1 and 7, which are called as SCRIPT DATAROOT [--small] [FLAG OF test.py...].
# `translate ROW FOLDER [FLAG...]` runs test.py with the run of a row; `output_of ROW FOLDER` prints where it writes.
usage="usage: $0 DATAROOT [--small] [--pick NAME_OR_NUMBER...] [--out FOLDER] [--size PIXELS] [FLAG OF test.py...]"
. "$(dirname "${BASH_SOURCE[0]}")/row.sh"
. scripts/lib/environment.sh
results=results/$(basename "$0" .sh) phase=test epoch=latest
for_figure=() for_test=()
set -- "${passed_on[@]}"
while [ $# -gt 0 ]; do
    case $1 in
        --pick | --pick_style | --out | --size)
            for_figure+=("$1")
            while [ $# -gt 1 ] && [[ $2 != --* ]]; do
                for_figure+=("$2")
                shift
            done
            ;;
        --results_dir) results=${2:-} ;;&
        --phase) phase=${2:-} ;;&
        --epoch) epoch=${2:-} ;;&
        *) for_test+=("$1") ;;
    esac
    shift
done

is_trained() {
    compgen -G "$checkpoints/$(run_of "$1")/${epoch}_net_G*.pth" > /dev/null
}

output_of() {
    echo "$2/$(run_of "$1")/${phase}_$epoch"
}

translate() {
    local row=$1 folder=$2
    shift 2
    # The last line says where the images are; those before it are the options.
    "$PYTHON" test.py --dataroot "$data_root" --name "$(run_of "$row")" "$@" "${for_test[@]}" --results_dir "$folder" \
        | tail -n 1
}

fail() {
    echo "error: $1" >&2
    exit 1
}
