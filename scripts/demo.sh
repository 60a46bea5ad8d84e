#!/usr/bin/env bash
# Install, learn the colors of a cup of coffee from a few blocks of one image, and colorize other images with them, on
# the CPU: scripts/demo.sh [FLAG OF train.py...]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh monitor
. scripts/lib/environment.sh
data=datasets/demo
rm -rf "$data" checkpoints/demo results/demo
"$PYTHON" scripts/data/make_demo_data.py "$data"

"$PYTHON" train.py --dataroot "$data" --name demo --model colorcut --preset best_small --gpu_ids -1 --seed 0 \
    --preprocess crop --batch_size 4 --n_epochs 50 --print_freq 360 --save_epoch_freq 50 "$@"
"$PYTHON" test.py --dataroot "$data" --name demo --gpu_ids -1
"$PYTHON" evaluate.py --dataroot "$data" --name demo --gpu_ids -1
echo "results: $PWD/results/demo/test_latest/index.html"
