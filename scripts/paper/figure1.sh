#!/usr/bin/env bash
# pix2pix on images it has pairs of and on photographs, beside ColorCUT: scripts/paper/figure1.sh DATAROOT [--small]
# [--pick NAME_OR_NUMBER...] [--pick_style NAME_OR_NUMBER...] [--out FOLDER] [--size PIXELS] [FLAG OF test.py...]
. "$(dirname "$0")/figure.sh"
for row in pix2pix colorcut; do
    is_trained $row || fail "no trained run $checkpoints/$(run_of $row): scripts/paper/$row.sh trains it"
done
# Both translations with pix2pix use the same run, so each needs a folder of its own.
translate pix2pix "$results"
translate pix2pix "$results/photographs" --dataset_mode grayscale_unaligned
translate colorcut "$results/photographs"
"$PYTHON" scripts/paper/figure1.py "$(output_of pix2pix "$results")" "$(output_of pix2pix "$results/photographs")" \
    "$(output_of colorcut "$results/photographs")" "${for_figure[@]}"
