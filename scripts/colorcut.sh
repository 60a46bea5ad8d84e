#!/usr/bin/env bash
# ColorCUT, CUT + TV + L1 + Var: scripts/colorcut.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model colorcut --lambda_TV 0.1 --lambda_l1 5 --lambda_Var 0.1
