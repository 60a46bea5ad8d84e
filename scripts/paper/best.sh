#!/usr/bin/env bash
# ColorCUT with --preset best, which is not in the paper: scripts/paper/best.sh DATAROOT [--small]
# [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
[ $preset = paper ] && best=best || best=best_small
row --model colorcut --preset $best
