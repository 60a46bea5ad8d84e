#!/usr/bin/env bash
# CUT on gray sources: scripts/paper/cut.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model cut --dataset_mode grayscale_unaligned
