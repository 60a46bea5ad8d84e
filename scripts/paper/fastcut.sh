#!/usr/bin/env bash
# FastCUT on gray sources: scripts/paper/fastcut.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model cut --CUT_mode FastCUT --dataset_mode grayscale_unaligned
