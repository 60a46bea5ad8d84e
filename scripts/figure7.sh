#!/usr/bin/env bash
# The test pictures in a grid, a column for each row of the paper that has been trained:
# scripts/figure7.sh DATAROOT [--small] [--pick NAME_OR_NUMBER...] [--out FOLDER] [--size PIXELS] [FLAG OF test.py...]
. "$(dirname "$0")/figure.sh"
runs=()
for row in cut cut_tv cut_tv_l1 colorcut fastcut cyclegan pix2pix; do
    if trained $row; then
        # pix2pix learns from pairs made of the style; here it paints what the others paint.
        [ $row = pix2pix ] && mode=(--dataset_mode grayscale_unaligned) || mode=()
        paint $row "$results" "${mode[@]}"
        runs+=("$row=$(painted $row "$results")")
    fi
done
[ ${#runs[@]} -gt 0 ] || fail "no run $checkpoints/$(run_of ROW) is trained; scripts/colorcut.sh trains that of ColorCUT"
"$PYTHON" scripts/figure7.py "${runs[@]}" "${for_figure[@]}"
