"""Learning-rate schedules, stepped once an epoch."""

import math
from argparse import Namespace

from torch.optim import Optimizer, lr_scheduler


def get_scheduler(optimizer: Optimizer, opt: Namespace) -> lr_scheduler.LRScheduler:
    """Return the schedule that `opt.lr_policy` names.

    linear: constant for n_epochs, then down to 0 over n_epochs_decay. cosine: half a cosine from lr to 0 over
    n_epochs + n_epochs_decay. step: a tenth every lr_decay_iters epochs. plateau: a fifth when the mean total
    loss has not fallen by 1% for 5 epochs.
    """
    total = opt.n_epochs + opt.n_epochs_decay

    def linear(step: int) -> float:
        return max(0.0, 1 - max(0, step + opt.epoch_count - opt.n_epochs) / (opt.n_epochs_decay + 1))

    def cosine(step: int) -> float:
        return (1 + math.cos(math.pi * min(1, (step + opt.epoch_count - 1) / total))) / 2

    if opt.lr_policy == "step":
        return lr_scheduler.StepLR(optimizer, step_size=opt.lr_decay_iters, gamma=0.1)
    if opt.lr_policy == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, threshold=0.01, patience=5)
    return lr_scheduler.LambdaLR(optimizer, {"linear": linear, "cosine": cosine}[opt.lr_policy])
