#!/usr/bin/env bash
# pix2pix on pictures it has pairs of and on photographs, beside ColorCUT: scripts/figure1.sh DATAROOT [--small]
# [--pick NAME_OR_NUMBER...] [--pick_style NAME_OR_NUMBER...] [--out FOLDER] [--size PIXELS] [FLAG OF test.py...]
. "$(dirname "$0")/figure.sh"
for row in pix2pix colorcut; do
    trained $row || fail "no trained run $checkpoints/$(run_of $row): scripts/$row.sh trains it"
done
# The same run paints both, so each has a folder of its own.
paint pix2pix "$results"
paint pix2pix "$results/photographs" --dataset_mode grayscale_unaligned
paint colorcut "$results/photographs"
"$PYTHON" scripts/figure1.py "$(painted pix2pix "$results")" "$(painted pix2pix "$results/photographs")" \
    "$(painted colorcut "$results/photographs")" "${for_figure[@]}"
