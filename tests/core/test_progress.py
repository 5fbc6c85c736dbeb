import io

import pytest
from rich.console import Console

from luxjax.core import _progress
from luxjax.core.internal import Display, reporting


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: now[0])
    return now


def test_a_display_says_how_fast_it_goes_and_how_long_it_will_take(clock, monkeypatch):
    display, shown = Display("label", Console(file=io.StringIO())), []
    with display:
        monkeypatch.setattr(display._status, "update", lambda text: shown.append(str(text)))
        for clock[0], done in ((10, 1000), (12, 3000), (14, 9000)):
            display("stars", done, 10_000)
        display("cycles", 0, 60, objective=0.25)  # another task has a pace of its own
        clock[0] = 24
        display("cycles", 2, 60, objective=0.125)
        display("files", 3)
    assert shown == [
        "label: 1,000 of 10,000 stars",
        "label: 3,000 of 10,000 stars, 1,000 stars/s, 0:00:07 left",
        "label: 9,000 of 10,000 stars, 2,000 stars/s, 0:00:00 left",
        "label: 0 of 60 cycles, objective 0.25",
        "label: 2 of 60 cycles, objective 0.125, 0.2 cycles/s, 0:04:50 left",
        "label: 3 files",
    ]


@pytest.mark.parametrize(("seconds", "left"), [(9.9, ""), (12.0, "   12.0 s  fit: 3 of 60 cycles\n")])
def test_where_nobody_watches_only_long_work_leaves_a_line(clock, seconds, left):
    stream = io.StringIO()
    with Display("fit", Console(file=stream, width=200)) as display:
        display("cycles", 3, 60)
        clock[0] = seconds
    assert stream.getvalue() == left


def test_work_that_failed_leaves_no_line(clock, capsys):
    def work():
        with reporting(True, "fit"):
            clock[0] = 100
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capsys.readouterr() == ("", "")


def test_true_shows_on_standard_error_false_is_silent_and_a_function_is_called(clock, capsys):
    told = []
    for given in (None, False, lambda *now, **facts: told.append((*now, facts)), True):
        with reporting(given, "read") as tell:
            tell("files", 1, 2, megabytes=3.5)
            clock[0] += 20
    assert told == [("files", 1, 2, {"megabytes": 3.5})]
    assert capsys.readouterr() == ("", "   20.0 s  read: 1 of 2 files, megabytes 3.5\n")
