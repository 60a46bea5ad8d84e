#!/usr/bin/env bash
# Train all rows of the paper and the best preset, each from where it stopped, then make figures 6, 7 and 1 from them:
# scripts/paper/ablation.sh DATAROOT [--small] [FLAG OF train.py...]
# With --time_limit MINUTES or H:MM:SS it trains for this time in all; call it again until it makes the figures.
. "$(dirname "$0")/row.sh"
small=()
[ $preset = paper ] || small=(--small)
[[ $time_limit =~ ^([0-9]*\.?[0-9]+|[0-9]+:[0-5][0-9]:[0-5][0-9])$ ]] ||
    { echo "error: --time_limit $time_limit: expected minutes or H:MM:SS" >&2 && exit 2; }
seconds=$(echo "$time_limit" | awk -F: '{printf "%d", NF == 3 ? 3600 * $1 + 60 * $2 + $3 : 60 * $1}') limit=()
SECONDS=0
for row in $rows; do
    if [ $seconds -gt 0 ]; then
        left=$((seconds > SECONDS ? seconds - SECONDS : 1))
        limit=(--time_limit "$(awk "BEGIN {print $left / 60}")")
    fi
    scripts/paper/$row.sh "$data_root" "${small[@]}" "${passed_on[@]}" "${limit[@]}"
    if [ $seconds -gt 0 ] && [ $((20 * SECONDS)) -ge $((19 * seconds)) ]; then # train.py stops in time for its save
        echo "stopped after --time_limit $time_limit; call it again to continue"
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
