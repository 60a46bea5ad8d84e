#!/usr/bin/env bash
# pix2pix on gray and color pairs of the style: scripts/paper/pix2pix.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model pix2pix --dataset_mode colorization
