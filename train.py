"""Train a model: python train.py --dataroot ./datasets/NAME --name RUN --model colorcut.

Options, then data, then model, then a loop over epochs and batches. Logging, images and saving happen between steps.
"""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing, nullcontext

from data import Loader, create_dataset
from data.validation import Validation, score_of
from models import BaseModel, create_model, create_test_copy
from models.color_losses import rgb_to_lab, to_grayscale
from models.finite_check import NonFiniteError
from models.networks.build import describe_networks
from models.optimizers import learning_rate
from options.train_options import TrainOptions
from util import distributed
from util.errors import UsageError, UserError, run
from util.random_state import seed_everything
from util.report.color_spread import ColorSpread
from util.report.console import silence
from util.report.training_report import NullReport, TrainingReport
from util.run import lock
from util.run.saver import Saver
from util.run.step_memory import report_memory_of_second_step
from util.run.stop import StopRequest
from util.util import crossed

_PATIENCE = 3  # validations without a better one


def main(make_model: Callable[[Namespace], BaseModel] = create_model) -> int:
    """Resolve the options and train; return the exit code. Args: make_model: builds the model from the options."""
    options = TrainOptions()
    opt = options.parse()
    opt.seed, opt.run_id = distributed.broadcast((opt.seed, opt.run_id))
    writes = distributed.is_first() and not opt.dry_run
    with lock.hold(opt) if writes else nullcontext():
        if opt.quiet or not distributed.is_first():
            silence()
        options.print_options(opt)
        for message in options.disabled:
            print(message)
        seed_everything(opt.seed)
        dataset = create_dataset(opt)
        held_out = dataset.dataset.held_out
        if opt.val_freq > 0 and held_out is None:
            raise UsageError(
                f"--val_freq: --dataset_mode {opt.dataset_mode} has no folder of style images to hold out from"
            )
        model = make_model(opt)
        model.setup(opt)
        print(describe_networks(model.networks(), opt.verbose))
        print(f"{len(dataset)} images an epoch ({dataset.dataset.describe()}); computing on {opt.device}")
        if opt.dry_run:
            return 0
        saver = Saver(opt, model, options.record)
        saver.resume(len(dataset))
        last_epoch = opt.n_epochs + opt.n_epochs_decay
        if saver.progress.epoch > last_epoch:
            print(f"all {last_epoch} epochs are done")
            return 0
        validation = Validation(opt, *held_out) if opt.val_freq > 0 and distributed.is_first() else None
        stop = StopRequest(opt.time_limit)
        with closing(dataset):
            while True:
                try:
                    with closing(create_report(opt, dataset, model, saver)) as report:
                        return train(opt, dataset, validation, model, saver, report, stop)
                except NonFiniteError as error:
                    saver.roll_back(error)  # or end, as --on_nan says
                except UserError as error:
                    saver.save_before(error)
                    raise


def create_report(opt: Namespace, dataset: Loader, model: BaseModel, saver: Saver) -> TrainingReport | NullReport:
    """Return the report of this process: only the first one prints, logs and shows images."""
    if not distributed.is_first():
        return NullReport()
    fills_cache = dataset.dataset.cache is not None
    colors, sizes = ColorSpread(rgb_to_lab), (len(dataset), dataset.step_size)
    report = TrainingReport(opt, saver.record, saver.progress, colors, *sizes, fills_cache)
    if opt.max_memory_report:
        report_memory_of_second_step(model, report.print)
    return report


def train(
    opt: Namespace,
    dataset: Loader,
    validation: Validation | None,
    model: BaseModel,
    saver: Saver,
    report: TrainingReport | NullReport,
    stop: StopRequest,
) -> int:
    """Train to the last epoch, or until asked to stop; save in both cases. Return the exit code."""
    progress = saver.progress
    for epoch in range(progress.epoch, opt.n_epochs + opt.n_epochs_decay + 1):
        dataset.set_epoch(epoch, start=progress.epoch_iter)
        for batch in report.batches(dataset):
            model.set_input(batch)
            model.optimize_parameters()
            for average in model.averages.values():
                average.update()

            before = progress.total_iters
            progress.count(dataset.step_size)
            model.track_losses(progress.total_iters)
            report.count_step(getattr(model, "fake_B", None), getattr(model, "real_B", None))

            if crossed(opt.print_freq, before, progress.total_iters):
                model.check_losses()
                report.log_losses(model.get_current_losses(), learning_rate(model.optimizers[0]))
            if crossed(opt.display_freq, before, progress.total_iters):
                report.log_images(model.visuals)
            if crossed(opt.update_html_freq, before, progress.total_iters):
                report.update_page(model.visuals)
            if crossed(opt.save_latest_freq, before, progress.total_iters):
                saver.save(["latest", f"iter_{progress.total_iters}"] if opt.save_by_iter else ["latest"])
            saver.retry()
            if stop.is_requested(saver.seconds):
                save_and_stop(opt, model, saver, report)
                return stop.exit_code()

        finish_epoch(opt, validation, model, saver, report)
    saver.finish()
    return 0


def finish_epoch(
    opt: Namespace, validation: Validation | None, model: BaseModel, saver: Saver, report: TrainingReport | NullReport
) -> None:
    """End an epoch: images on the page, the next learning rate, every --save_epoch_freq epochs a checkpoint."""
    progress = saver.progress
    epoch, last_epoch = progress.epoch, opt.n_epochs + opt.n_epochs_decay
    model.check_losses()
    model.update_learning_rate()
    report.end_epoch(last_epoch, learning_rate(model.optimizers[0]), model.visuals)
    if validation and (crossed(opt.val_freq, epoch - 1, epoch) or epoch == last_epoch):
        validate(validation, model, saver, report)
    progress.epoch, progress.epoch_iter = epoch + 1, 0
    if crossed(opt.save_epoch_freq, epoch - 1, epoch) or epoch == last_epoch:
        saver.save(["latest", epoch])


def validate(validation: Validation, model: BaseModel, saver: Saver, report: TrainingReport | NullReport) -> None:
    """Measure on the style images that are held out, and save the networks if they are the best so far."""
    copy, progress = create_test_copy(model), saver.progress
    figures = validation.measure(lambda image: copy.colorize(to_grayscale(image)))
    if score_of(figures) < progress.best_score and saver.save_best():
        progress.best_score, progress.best_epoch = score_of(figures), progress.epoch
    report.log_validation(figures, progress.best_epoch)
    if (progress.epoch - progress.best_epoch) // saver.opt.val_freq == _PATIENCE:  # once
        report.print(f"no better colors of held-out style images since epoch {progress.best_epoch}: more training is "
                     "not likely to improve them; best_net_*.pth is the best so far")  # fmt: skip


def save_and_stop(opt: Namespace, model: BaseModel, saver: Saver, report: TrainingReport | NullReport) -> None:
    """Save the state after an interruption, and print how to continue."""
    saver.save()
    saver.finish()
    report.update_page(model.visuals)
    run_name = f"--checkpoints_dir {opt.checkpoints_dir} --name {opt.name}"
    report.print(f"stopped and saved; continue with: python train.py {run_name} --continue_train")


if __name__ == "__main__":
    run(distributed.with_process_group(main))
