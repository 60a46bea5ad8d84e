"""Train a model: python train.py --dataroot ./datasets/NAME --name RUN --model colorcut.

Options, then data, then model; a loop over epochs and batches; around each step the side jobs, each a line.
"""

from argparse import Namespace

from data import Loader, create_dataset
from models import create_model
from models.base_model import BaseModel
from options.train_options import TrainOptions
from util import distributed, run_state
from util.checkpoint import seed_everything
from util.report.console import silence
from util.errors import run
from util.run.step_memory import report_second_step
from util.report.training_report import Report, Silence
from util.run.state import Progress, StopRequest
from util.util import crossed


def main() -> None:
    """Resolve the options and train."""
    options = TrainOptions()
    opt = options.parse()
    opt.seed = distributed.of_first(opt.seed)
    if opt.quiet or not distributed.is_first():
        silence()
    options.print_options(opt)
    for line in options.left_out:
        print(line)
    seed_everything(opt.seed)
    dataset = create_dataset(opt)
    model = create_model(opt)
    model.setup(opt)
    print(model.describe_networks())
    print(f"{len(dataset)} pictures an epoch ({dataset.dataset.describe()}); computing on {opt.device}")
    if opt.dry_run:
        return
    progress = run_state.resume(model, opt, len(dataset))
    if distributed.is_first():
        options.save_options(opt)  # not before: a run that cannot go on like this keeps its record
    last_epoch = opt.n_epochs + opt.n_epochs_decay
    if progress.epoch > last_epoch:
        print(f"all {last_epoch} epochs are done")
        return
    report = Report(opt, model, progress, dataset) if distributed.is_first() else Silence()
    if opt.max_memory_report:
        report_second_step(model, report.say)
    try:
        train(opt, dataset, model, progress, report)
    finally:
        report.close()


def train(opt: Namespace, dataset: Loader, model: BaseModel, progress: Progress, report: Report | Silence) -> None:
    """Train to the last epoch, or until asked to stop; the state is saved either way."""
    stop = StopRequest()
    for epoch in range(progress.epoch, opt.n_epochs + opt.n_epochs_decay + 1):
        dataset.set_epoch(epoch, start=progress.epoch_iter)
        for batch in report.batches(dataset):
            model.set_input(batch)
            model.optimize_parameters()

            before = progress.total_iters
            progress.count(dataset.step_size)
            model.watch_losses(progress.total_iters)
            report.step()

            if crossed(opt.print_freq, before, progress.total_iters):
                model.check_losses()
                report.losses(model.get_current_losses())
            if crossed(opt.display_freq, before, progress.total_iters):
                report.pictures()
            if crossed(opt.update_html_freq, before, progress.total_iters):
                report.update_page()
            if crossed(opt.save_latest_freq, before, progress.total_iters):
                names = ["latest"] + [f"iter_{progress.total_iters}"] * opt.save_by_iter
                run_state.save(model, progress, names)
            if stop.is_wanted():
                return leave(model, progress, report)

        finish_epoch(opt, model, progress, report)


def finish_epoch(opt: Namespace, model: BaseModel, progress: Progress, report: Report | Silence) -> None:
    """End an epoch: pictures on the page, the next learning rate, and now and then a checkpoint."""
    epoch, last_epoch = progress.epoch, opt.n_epochs + opt.n_epochs_decay
    model.check_losses()
    model.update_learning_rate()
    report.end_epoch(last_epoch)
    progress.epoch, progress.epoch_iter = epoch + 1, 0
    if crossed(opt.save_epoch_freq, epoch - 1, epoch) or epoch == last_epoch:
        run_state.save(model, progress, ["latest", epoch])


def leave(model: BaseModel, progress: Progress, report: Report | Silence) -> None:
    """Save the state after an interruption, and say how to go on."""
    run_state.save(model, progress, ["latest"])
    report.update_page()
    run_name = f"--checkpoints_dir {model.opt.checkpoints_dir} --name {model.opt.name}"
    report.say(f"stopped and saved; go on with: python train.py {run_name} --continue_train")


if __name__ == "__main__":
    run(distributed.together(main))
