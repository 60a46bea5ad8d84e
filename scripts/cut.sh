#!/usr/bin/env bash
# CUT on grey sources: scripts/cut.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model cut --dataset_mode grayscale_unaligned
