#!/usr/bin/env bash
# Train all rows of the paper and the best preset, each from where it stopped, then make figures 6, 7 and 1 from them:
# scripts/paper/ablation.sh DATAROOT [--small] [FLAG OF train.py...]
# With --max_minutes N it trains for N minutes in all; call it again until it makes the figures.
. "$(dirname "$0")/row.sh"
small=()
[ $preset = paper ] || small=(--small)
[[ $max_minutes =~ ^[0-9]*\.?[0-9]+$ ]] || { echo "error: --max_minutes $max_minutes: expected a number" >&2 && exit 2; }
seconds=$(awk "BEGIN {printf \"%d\", 60 * $max_minutes}") limit=()
SECONDS=0
for row in $rows; do
    if [ $seconds -gt 0 ]; then
        left=$((seconds > SECONDS ? seconds - SECONDS : 1))
        limit=(--max_minutes "$(awk "BEGIN {print $left / 60}")")
    fi
    scripts/paper/$row.sh "$data_root" "${small[@]}" "${passed_on[@]}" "${limit[@]}"
    if [ $seconds -gt 0 ] && [ $SECONDS -ge $seconds ]; then
        echo "stopped after --max_minutes $max_minutes; call it again to continue"
        exit
    fi
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
