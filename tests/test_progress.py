"""Progress where nobody watches a terminal: plain lines."""

import contextlib
import io
import os
import pty

from genie_gym import progress as module
from genie_gym.progress import progress


def lines_of(loop) -> list[str]:
    log = io.StringIO()
    loop(log)
    assert "\r" not in log.getvalue()
    assert log.getvalue().endswith("\n")
    return log.getvalue().splitlines()


def test_a_log_gets_one_line_at_the_end_of_a_short_loop():
    seen = []
    lines = lines_of(lambda log: seen.extend(progress(range(200), desc="fidelity", file=log)))
    assert seen == list(range(200))
    assert len(lines) == 1
    assert lines[0].startswith("fidelity: 200/200 (")


def test_a_log_gets_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)

    def loop(log):
        with progress(total=4, desc="play", unit="episode", file=log) as bar:
            for loss in range(4):
                bar.set_postfix({"loss": loss})
                bar.update()

    lines = lines_of(loop)
    assert [line.split(" (")[0] for line in lines] == ["play: 1/4", "play: 2/4", "play: 3/4", "play: 4/4", "play: 4/4"]
    assert "loss=2" in lines[2]


def test_what_stops_in_the_middle_says_where():
    def loop(log):
        for number in progress(range(10), file=log):
            if number == 3:
                break

    assert [line.split(" (")[0] for line in lines_of(loop)] == ["3/10"]


def test_loops_without_an_end_and_loops_in_loops():
    def loop(log):
        for _ in progress(range(2), desc="outer", file=log):
            list(progress((k for k in range(3)), desc="inner", file=log))

    assert [line.split(" (")[0] for line in lines_of(loop)] == ["inner: 3", "inner: 3", "outer: 2/2"]


def test_silence_where_it_is_asked_for():
    log = io.StringIO()
    assert list(progress(range(3), disable=True, file=log)) == [0, 1, 2]
    assert log.getvalue() == ""


def test_a_terminal_gets_a_bar():
    main, terminal = pty.openpty()
    with open(terminal, "w") as file:
        assert list(progress(range(3), desc="bar", file=file)) == [0, 1, 2]
    shown = b""
    with contextlib.suppress(
        OSError
    ):  # a terminal hands over what was written piece by piece; an error says that all was read
        while piece := os.read(main, 10_000):
            shown += piece
    os.close(main)
    assert b"\r" in shown
    assert b"3/3" in shown
