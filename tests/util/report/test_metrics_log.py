"""loss_log.txt and metrics.jsonl: complete after any end, and without what was trained in vain."""

import json

import pytest

from options.record import next_epoch
from util.report.metrics_log import RunLog, read


def record(epoch: int, epoch_iter: int) -> dict:
    return {"epoch": epoch, "epoch_iter": epoch_iter, "epochs": epoch - 1 + epoch_iter / 100, "losses": {"G": 1.0},
            "colors": {}, "learning_rate": 1e-3, "times": {"iteration": 0.1}}  # fmt: skip


@pytest.fixture
def log(tmp_path) -> RunLog:
    log = RunLog(tmp_path / "run")
    for epoch in (1, 2):
        for epoch_iter in (50, 100):
            log.add(record(epoch, epoch_iter), f"(epoch: {epoch}, iters: {epoch_iter}, time: 0.1, data: 0%) G: 1.000")
    return log


def test_each_line_is_on_disk_at_once(log):
    assert read(log.metrics) == [record(e, i) for e in (1, 2) for i in (50, 100)]
    lines = log.losses.read_text().splitlines()
    assert len(lines) == 5 and "Training Loss" in lines[0] and lines[-1].startswith("(epoch: 2, iters: 100,")
    assert next_epoch(log.losses.parent) == 2  # the form that upstream's logs have


@pytest.mark.parametrize(("epoch", "epoch_iter", "kept"), [(1, 0, 0), (1, 70, 1), (2, 0, 2), (2, 50, 3), (3, 0, 4)])
def test_records_behind_the_state_that_a_run_goes_on_from_are_taken_out(log, epoch, epoch_iter, kept):
    again = RunLog(log.metrics.parent)
    assert len(again.rewind(epoch, epoch_iter)) == kept == len(read(log.metrics))
    before = log.metrics.with_name("metrics_before.jsonl")  # a run that starts anew does not destroy the other's
    assert len(read(before)) == 4 if kept == 0 else not before.exists()


@pytest.mark.parametrize("damage", [json.dumps(record(3, 50))[:20], "5", "[]", "{}", '{"epoch": 1}', "\0", "\u00ff",
                                    json.dumps(record(3, 50) | {"times": {"iteration": 0}})])  # fmt: skip
def test_a_damaged_line_costs_no_other(log, damage):
    with open(log.metrics, "a", encoding="latin-1") as file:
        file.write(damage)
    again = RunLog(log.metrics.parent)
    assert len(again.rewind(3, 0)) == 4
    again.add(record(3, 50), "(epoch: 3, ...")
    assert log.losses.read_text().count("Training Loss") == 2
    assert [(r["epoch"], r["epoch_iter"]) for r in read(log.metrics)] == [(1, 50), (1, 100), (2, 50), (2, 100), (3, 50)]
