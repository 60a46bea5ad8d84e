#!/usr/bin/env bash
# Train all rows of the paper, each from where it stands, then make figures 6, 7 and 1 of them:
# scripts/ablation.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
small=()
[ $preset = paper ] || small=(--small)
for row in cut cut_tv cut_tv_l1 colorcut fastcut cyclegan pix2pix; do
    scripts/$row.sh "$data_root" "${small[@]}" "${passed_on[@]}"
done
scripts/figure6.sh "$data_root" "${small[@]}" "${passed_on[@]}"

# A test restores the rest from the runs.
for_test=()
set -- "${passed_on[@]}"
while [ $# -gt 1 ]; do
    case $1 in --gpu_ids | --checkpoints_dir | --load_size) for_test+=("$1" "$2") ;; esac
    shift
done
scripts/figure7.sh "$data_root" "${small[@]}" "${for_test[@]}"
scripts/figure1.sh "$data_root" "${small[@]}" "${for_test[@]}"
