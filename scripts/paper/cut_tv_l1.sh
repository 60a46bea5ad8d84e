#!/usr/bin/env bash
# CUT + TV + L1: scripts/paper/cut_tv_l1.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model colorcut --lambda_TV 0.1 --lambda_l1 5 --lambda_Var 0
