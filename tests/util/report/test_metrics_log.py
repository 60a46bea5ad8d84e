"""loss_log.txt and metrics.jsonl: complete after any end, and without records of steps that were lost."""

import json

import pytest

from options.record import next_epoch
from util.report.metrics_log import MetricsLog, read
from util.run_folder import RunFolder


def record(epoch: int, epoch_iter: int) -> dict:
    return {"epoch": epoch, "epoch_iter": epoch_iter, "epochs": epoch - 1 + epoch_iter / 100, "losses": {"G": 1.0},
            "colors": {}, "learning_rate": 1e-3, "times": {"iteration": 0.1}}  # fmt: skip


@pytest.fixture
def log(tmp_path) -> MetricsLog:
    log = MetricsLog(RunFolder(tmp_path / "run"))
    for epoch in (1, 2):
        for epoch_iter in (50, 100):
            log.add(record(epoch, epoch_iter), f"(epoch: {epoch}, iters: {epoch_iter}, time: 0.1, data: 0%) G: 1.000")
    return log


def test_metrics_log_writes_each_record_at_once(log):
    assert read(log.folder.metrics) == [record(e, i) for e in (1, 2) for i in (50, 100)]
    lines = log.folder.loss_log.read_text().splitlines()
    assert len(lines) == 5 and "Training Loss" in lines[0] and lines[-1].startswith("(epoch: 2, iters: 100,")
    assert next_epoch(log.folder) == 2  # the form that upstream's logs have


@pytest.mark.parametrize(("epoch", "epoch_iter", "kept"), [(1, 0, 0), (1, 70, 1), (2, 0, 2), (2, 50, 3), (3, 0, 4)])
def test_metrics_log_removes_records_after_the_state_that_a_run_continues_from(log, epoch, epoch_iter, kept):
    again = MetricsLog(log.folder)
    records = again.until(epoch, epoch_iter)
    again.rewind(records)
    assert len(records) == kept == len(read(log.folder.metrics))
    before = log.folder.metrics_before  # a run that starts anew destroys nothing
    assert len(read(before)) == 4 if kept == 0 else not before.exists()


@pytest.mark.parametrize("damage", [json.dumps(record(3, 50))[:20], "5", "[]", "{}", '{"epoch": 1}', "\0", "\u00ff",
                                    json.dumps(record(3, 50) | {"times": {"iteration": 0}})])  # fmt: skip
def test_metrics_log_skips_damaged_lines(log, damage):
    with open(log.folder.metrics, "a", encoding="latin-1") as file:
        file.write(damage)
    again = MetricsLog(log.folder)
    records = again.until(3, 0)
    assert len(records) == 4
    again.rewind(records)
    again.add(record(3, 50), "(epoch: 3, ...")
    assert log.folder.loss_log.read_text().count("Training Loss") == 2
    assert [(r["epoch"], r["epoch_iter"]) for r in read(log.folder.metrics)] == [
        (1, 50),
        (1, 100),
        (2, 50),
        (2, 100),
        (3, 50),
    ]
