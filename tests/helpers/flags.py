"""Flags of models that take a step in milliseconds. A flag given after them wins."""

TINY = "--gpu_ids -1 --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --num_threads 0 --seed 1 --init_gain 1"
CUT = "--netF_nc 16 --num_patches 16 --nce_layers 0,4,8,12"
COLORCUT = f"--model colorcut {CUT}"
MODELS = {
    "CUT": f"--model cut {CUT}",
    "FastCUT": f"--model cut --CUT_mode FastCUT {CUT}",
    "ColorCUT": COLORCUT,
    "CycleGAN": "--model cycle_gan --dataset_mode grayscale_unaligned",
    "pix2pix": "--model pix2pix --dataset_mode colorization",
}
# A command that trains ColorCUT; no visdom server is looked for.
TRAIN = f"train.py {TINY} {COLORCUT} --display_id -1"
