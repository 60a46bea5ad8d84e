#!/usr/bin/env bash
# Time, FLOPs and memory of a training iteration of each row of the paper:
# scripts/paper/figure6.sh DATAROOT [--small] [--rounds N] [--rows ROW...] [--out FOLDER] [FLAG OF train.py...]
usage="usage: $0 DATAROOT [--small] [--rounds N] [--rows ROW...] [--out FOLDER] [FLAG OF train.py...]"
. "$(dirname "$0")/row.sh"
. scripts/lib/environment.sh
[ $preset = paper ] || passed_on=(--small "${passed_on[@]}")
"$PYTHON" scripts/paper/figure6.py "$data_root" "${passed_on[@]}"
