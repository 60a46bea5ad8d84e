"""Curves in memory: bounded, ends kept, gaps where a quantity had no value."""

import itertools
import threading

from util.report.history import History


def test_few_points_are_all_kept():
    history = History(limit=10)
    for x in range(10):
        history.add(x, {"a": x * x})
    assert history.read() == (list(range(10)), {"a": [x * x for x in range(10)]})


def test_many_points_are_thinned_evenly_and_from_the_first():
    history = History(limit=10)
    for x in range(100_000):
        history.add(x, {"a": -x})
    xs, curves = history.read()
    assert 5 <= len(xs) <= 11 and xs[0] == 0
    assert {b - a for a, b in itertools.pairwise(xs[:-1])} == {history.every}
    assert curves["a"] == [-x for x in xs]


def test_the_newest_point_is_always_there():
    history = History(limit=10)
    for x in range(1000):
        history.add(x, {"a": x})
        assert history.read()[0][-1] == x and history.read()[1]["a"][-1] == x


def test_a_quantity_without_a_finite_value_has_no_curve():
    history = History(limit=4)
    for x in range(20):
        history.add(x, {"a": 1.0, "late": float("nan") if x else 2.0} | ({"odd": 3.0} if x == 1 else {}))
    xs, curves = history.read()
    assert curves == {"a": [1.0] * len(xs), "late": [2.0] + [None] * (len(xs) - 1)}


def test_quantities_come_and_go():
    history = History()
    for x, values in enumerate([{"a": 1.0}, {"a": 2.0, "b": 3.0}, {"b": 4.0}]):
        history.add(x, values)
    assert history.read() == ([0, 1, 2], {"a": [1.0, 2.0, None], "b": [None, 3.0, 4.0]})


def test_what_one_thread_reads_is_whole_while_another_adds():
    history, torn = History(limit=50), []

    def read() -> None:
        while not done.is_set():
            xs, curves = history.read()
            torn.extend(name for name, curve in curves.items() if len(curve) != len(xs) or curve != xs)

    done = threading.Event()
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for x in range(20_000):
        history.add(x, {"a": x, "b": x})
    done.set()
    for reader in readers:
        reader.join()
    assert torn == [] and history.every > 1
