#!/usr/bin/env bash
# The test images in a grid, a column for each row of the paper that has been trained: scripts/paper/figure7.sh DATAROOT
# [--small] [--pick NAME_OR_NUMBER...] [--out FOLDER] [--size PIXELS] [FLAG OF test.py...]
. "$(dirname "$0")/figure.sh"
runs=()
for row in $rows; do
    if is_trained $row; then
        # pix2pix was trained on pairs made of the style; here it gets the images that the others get.
        [ $row = pix2pix ] && mode=(--dataset_mode grayscale_unaligned) || mode=()
        translate $row "$results" "${mode[@]}"
        runs+=("$row=$(output_of $row "$results")")
    fi
done
[ ${#runs[@]} -gt 0 ] ||
    fail "no run $checkpoints/$(run_of ROW) is trained; scripts/paper/colorcut.sh trains that of ColorCUT"
"$PYTHON" scripts/paper/figure7.py "${runs[@]}" "${for_figure[@]}"
