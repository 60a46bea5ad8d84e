"""Train a model: python train.py --dataroot ./datasets/NAME --name RUN --model colorcut.

Options, then data, then model; a loop over epochs and batches; around each step the side jobs, each a line.
"""

import time
from argparse import Namespace

from data import create_dataset
from models import create_model
from options.train_options import TrainOptions
from util import run_state
from util.checkpoint import seed_everything
from util.console import Console
from util.errors import run
from util.run_state import Progress, StopRequest
from util.training_page import TrainingPage
from util.util import crossed


def main() -> None:
    """Resolve the options and train."""
    options = TrainOptions()
    opt = options.parse()
    options.print_options(opt)
    seed_everything(opt.seed)
    dataset = create_dataset(opt)
    model = create_model(opt)
    model.setup(opt)
    print(model.describe_networks())
    print(f"{len(dataset)} pictures an epoch ({dataset.dataset.describe()}); computing on {opt.device}")
    if opt.dry_run:
        return
    progress = run_state.resume(model, opt)
    options.save_options(opt)  # not before: a run that cannot go on like this keeps its record
    train(opt, dataset, model, progress)


def train(opt: Namespace, dataset, model, progress: Progress) -> None:
    """Train to the last epoch, or until asked to stop; the state is saved either way."""
    last_epoch = opt.n_epochs + opt.n_epochs_decay
    if progress.epoch > last_epoch:
        print(f"all {last_epoch} epochs are done")
        return
    console = Console(
        opt, total=len(dataset) * last_epoch, seen=len(dataset) * (progress.epoch - 1) + progress.epoch_iter
    )
    page = TrainingPage(opt)
    stop = StopRequest()

    for epoch in range(progress.epoch, last_epoch + 1):
        dataset.set_epoch(epoch, start=progress.epoch_iter)
        started, waited = time.monotonic(), 0.0
        asked = started
        for batch in dataset:
            waited += time.monotonic() - asked
            model.set_input(batch)
            model.optimize_parameters()

            before = progress.total_iters
            pictures = len(model.get_image_paths())
            progress.total_iters += pictures
            progress.epoch_iter += pictures
            model.watch_losses(progress.total_iters)
            console.advance(pictures)

            if crossed(opt.print_freq, before, progress.total_iters):
                model.check_losses()
                share = waited / (time.monotonic() - started)
                console.losses(epoch, progress.epoch_iter, model.get_current_losses(), share)
            if not opt.no_html and crossed(opt.update_html_freq, before, progress.total_iters):
                model.compute_visuals()
                page.update(epoch, model.get_current_visuals(), model.get_current_losses())
            if crossed(opt.save_latest_freq, before, progress.total_iters):
                names = ["latest"] + [f"iter_{progress.total_iters}"] * opt.save_by_iter
                run_state.save(model, progress, names)
            if stop.wanted:
                return leave(model, progress, console)
            asked = time.monotonic()

        finish_epoch(opt, model, progress, console, page)
    console.close()


def finish_epoch(opt: Namespace, model, progress: Progress, console: Console, page: TrainingPage) -> None:
    """End an epoch: a picture on the page, the next learning rate, and now and then a checkpoint."""
    epoch, last_epoch = progress.epoch, opt.n_epochs + opt.n_epochs_decay
    model.check_losses()
    # A run that was killed between the last step of an epoch and its end has no pictures to show when it goes on.
    seen = bool(model.get_image_paths())
    if seen and not opt.no_html and page.epoch_of_last_update != epoch:
        model.compute_visuals()
        page.update(epoch, model.get_current_visuals(), model.get_current_losses())
    model.update_learning_rate()
    rate = model.optimizers[0].param_groups[0]["lr"]
    console.say(f"end of epoch {epoch} / {last_epoch}, learning rate {rate:.3g}")
    progress.epoch, progress.epoch_iter = epoch + 1, 0
    if crossed(opt.save_epoch_freq, epoch - 1, epoch) or epoch == last_epoch:
        run_state.save(model, progress, ["latest", epoch])


def leave(model, progress: Progress, console: Console) -> None:
    """Save the state after an interruption, and say how to go on."""
    run_state.save(model, progress, ["latest"])
    console.close()
    run_name = f"--checkpoints_dir {model.opt.checkpoints_dir} --name {model.opt.name}"
    print(f"stopped and saved; go on with: python train.py {run_name} --continue_train")


if __name__ == "__main__":
    run(main)
