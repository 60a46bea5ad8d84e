#!/usr/bin/env bash
# pix2pix on pairs of grey and colour made from the style: scripts/pix2pix.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model pix2pix --dataset_mode colorization
