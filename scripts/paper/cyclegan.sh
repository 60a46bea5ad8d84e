#!/usr/bin/env bash
# CycleGAN on gray sources: scripts/paper/cyclegan.sh DATAROOT [--small] [FLAG OF train.py...]
. "$(dirname "$0")/row.sh"
row --model cycle_gan --dataset_mode grayscale_unaligned
