#!/usr/bin/env bash
# Train all rows of the paper and the best preset, each from where it stopped, then make figures 6, 7 and 1 from them:
# scripts/paper/ablation.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
small=()
[ $preset = paper ] || small=(--small)
for row in $rows; do
    scripts/paper/$row.sh "$data_root" "${small[@]}" "${passed_on[@]}"
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
