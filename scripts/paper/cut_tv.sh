#!/usr/bin/env bash
# CUT + TV: scripts/paper/cut_tv.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model colorcut --lambda_TV 0.1 --lambda_l1 0 --lambda_Var 0
