"""Curves from records: bounded, with both ends, and with gaps where a quantity has no value."""

import itertools
import threading
import time

from util.report.curves import charts_of, curves_of, windows_of


def record(epochs: float, **losses: float) -> dict:
    return {"epochs": epochs, "losses": losses, "colors": {}, "learning_rate": 0.1, "times": {"iteration": 0.5}}


def test_curves_of_a_short_run_have_all_points():
    records = [record(x, G=x * x) for x in range(10)]
    x, curves = curves_of(records, max_points=10)
    assert x == list(range(10)) and curves["losses/G"] == [x * x for x in range(10)]
    assert curves["learning rate"] == [0.1] * 10 and curves["iterations per second"] == [2.0] * 10
    assert curves_of([]) == ([], {})


def test_curves_of_a_long_run_are_evenly_subsampled_with_both_ends():
    records = [record(x, G=-x) for x in range(1000)]
    for count in range(1, 1001):
        x, curves = curves_of(records[:count], max_points=10)
        assert min(count, 5) <= len(x) <= 11 and (x[0], x[-1]) == (0, count - 1)
        assert len({b - a for a, b in itertools.pairwise(x[:-1])}) <= 1 and curves["losses/G"] == [-x for x in x]
    assert len(curves_of(records, max_points=None)[0]) == 1000


def test_curves_of_24000_records_are_cheap():
    records = [record(x, **dict.fromkeys("abcdefghijklmnopqrst", 1.5)) for x in range(24000)]
    start = time.process_time()
    assert len(curves_of(records)[0]) == 1001
    assert time.process_time() - start < 0.5  # 20 ms


def test_curves_have_none_where_a_quantity_has_no_finite_value():
    records = [record(0, a=1.0, late=float("nan"), never=float("inf")), record(1, a=2.0, late=3.0), record(2, late=4.0)]
    _, curves = curves_of(records)
    assert {name: curve for name, curve in curves.items() if "/" in name} == {
        "losses/a": [1.0, 2.0, None], "losses/late": [None, 3.0, 4.0]}  # fmt: skip


def test_curves_of_the_style_share_a_chart_and_a_window_with_ours():
    records = [record(0, G=1.0)]
    records[0]["colors"] = {"spread_a": 2.0, "style_spread_a": 3.0}
    _, charts = charts_of(records)
    assert charts["spread_a"] == {"painted": [2.0], "style": [3.0]} and charts["G"] == {"": [1.0]}
    assert set(charts) == {"spread_a", "G", "learning rate", "iterations per second"}
    _, windows = windows_of(records)
    assert windows["colors"] == {"spread_a": [2.0], "style_spread_a": [3.0]} and windows["losses"] == {"G": [1.0]}
    assert set(windows) == {"colors", "losses", "learning rate", "iterations per second"}


def test_curves_are_whole_while_another_thread_appends():
    records, torn = [], []

    def read() -> None:
        while not done.is_set():
            x, curves = curves_of(records, max_points=50)
            torn.extend(curve for name, curve in curves.items() if "/" in name and curve != x)

    done = threading.Event()
    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20_000):
        records.append(record(number, a=number, b=number))
    done.set()
    reader.join()
    assert torn == []
