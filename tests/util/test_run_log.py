"""loss_log.txt and metrics.jsonl: complete after any end, and without what was trained in vain."""

import json

import pytest

from options.record import next_epoch
from util.run_log import RunLog, read


def record(epoch: int, epoch_iter: int) -> dict:
    return {"epoch": epoch, "epoch_iter": epoch_iter, "losses": {"G": epoch + epoch_iter / 100}}


@pytest.fixture
def log(tmp_path) -> RunLog:
    log = RunLog(tmp_path / "run", 1, 0)
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
    again = RunLog(log.metrics.parent, epoch, epoch_iter)
    assert len(again.records) == kept and read(log.metrics) == again.records
    assert log.losses.read_text().count("Training Loss") == 2


def test_a_line_cut_short_by_a_crash_costs_no_other(log):
    with open(log.metrics, "a") as file:
        file.write(json.dumps(record(3, 50))[:20])
    again = RunLog(log.metrics.parent, 3, 0)
    again.add(record(3, 50), "(epoch: 3, ...")
    assert [(r["epoch"], r["epoch_iter"]) for r in read(log.metrics)] == [(1, 50), (1, 100), (2, 50), (2, 100), (3, 50)]
