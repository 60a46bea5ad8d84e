#!/usr/bin/env bash
# ColorCUT, which is CUT + TV + L1 + Var: scripts/paper/colorcut.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model colorcut --lambda_TV 0.1 --lambda_l1 5 --lambda_Var 0.1
