"""--preset: recipes as data."""

# The settings that the paper prints.
PAPER = {
    "lr": 5e-3, "lr_policy": "cosine", "n_epochs": 30, "n_epochs_decay": 0, "batch_size": 1,
    "crop_size": 256, "load_size": 256, "preprocess": "rescale_shortside_and_crop",
}  # fmt: skip
# What a CPU trains in minutes: 7 epochs of 230 images.
SMALL = {
    **PAPER, "lr": 2e-4, "n_epochs": 7, "crop_size": 64, "load_size": 80, "netG": "resnet_6blocks", "ngf": 16,
    "ndf": 16,
}  # fmt: skip
# The luma is kept, and colors may depend on the whole image: docs/training.md explains each flag. Some of them are
# those of --model colorcut.
_BEST = {
    "keep_luma": True, "lambda_range": 10.0, "gan_on": "both", "idt_input": "gray", "normG": "layer", "context": True,
    "netD": "n_layers", "n_layers_D": 2, "lambda_GAN": 2.0, "lambda_l1": 12.0, "lr": 1e-3, "ema": 0.99,
}  # fmt: skip
PRESETS = {
    "paper": PAPER,
    "small": SMALL,
    "best": {**PAPER, **_BEST, "gan_chroma": True},  # long training needs it
    "best_small": {**SMALL, **_BEST},
}
