#!/usr/bin/env bash
# Train all rows of the paper and the best preset, each from where it stopped, then make figures 6, 7 and 1 from them:
# scripts/paper/ablation.sh DATAROOT [--small] [FLAG OF train.py...]
# With --max_minutes N it trains for N minutes in all; call it again until it makes the figures.
. "$(dirname "$0")/row.sh"
small=()
[ $preset = paper ] || small=(--small)
max_minutes=
set -- "${passed_on[@]}"
while [ $# -gt 1 ]; do
    [ "$1" != --max_minutes ] || max_minutes=$2
    shift
done
[[ $max_minutes =~ ^[0-9]*$ ]] || { echo "error: --max_minutes $max_minutes: expected whole minutes" >&2 && exit 2; }
SECONDS=0
for row in $rows; do
    limit=()
    if [ -n "$max_minutes" ]; then
        left=$((max_minutes - (SECONDS + 59) / 60))
        [ $left -gt 0 ] || { echo "stopped after --max_minutes $max_minutes; call it again to continue" && exit; }
        limit=(--max_minutes $left)
    fi
    scripts/paper/$row.sh "$data_root" "${small[@]}" "${passed_on[@]}" "${limit[@]}"
done
scripts/paper/figure6.sh "$data_root" "${small[@]}" "${passed_on[@]}"

# test.py reads all other options from the runs.
for_test=()
set -- "${passed_on[@]}"
while [ $# -gt 1 ]; do
    case $1 in --gpu_ids | --checkpoints_dir | --load_size | --seed) for_test+=("$1" "$2") ;; esac
    shift
done
scripts/paper/figure7.sh "$data_root" "${small[@]}" "${for_test[@]}"
scripts/paper/figure1.sh "$data_root" "${small[@]}" "${for_test[@]}"
