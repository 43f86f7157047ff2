"""Results as a table in a Markdown file, between two marks, so that no number there is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.results import Results
from genie_gym.files import write_text

END = "<!-- end of results -->"
HEAD = "| | this world | held against | aimed at |\n|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """A number in words, what it is held against (the same of the simulator, of copying …), and what is aimed at.

    Args:
        key, beside: names of numbers.
    """

    words: str
    key: str
    beside: str = ""
    aim: str = ""


def begin_mark(family: str) -> str:
    """After which line of a file the results of a family's world stand."""
    return f"<!-- results of genie-gym evaluate {family} -->"


def table(results: Results, rows: Sequence[Row] = ()) -> str:
    """Markdown: a line a row (without rows, a line a number, by its name), and below them how they were measured."""
    rows = rows or [Row(f"`{name}`", name) for name in results.numbers if not name.endswith("_interval")]
    lines = [
        f"| {row.words} | {_shown(results, row.key)} | {_shown(results, row.beside)} | {row.aim} |".replace("  ", " ")
        for row in rows
    ]
    about, minutes = results.about, sum(results.seconds.values()) / 60
    made = f"*`{about.command}`: {minutes:.0f} minutes on {about.hardware}, {about.date}; in brackets 95 % intervals.*"
    return "\n".join([HEAD, *lines, "", made])


def check_marks(path: str | Path, family: str) -> None:
    """Raises `GenieGymError` where a file has no place for the results of a family's world."""
    _parts(Path(path), family)


def write_table(path: str | Path, results: Results, rows: Sequence[Row] = ()) -> None:
    """Puts the table between the marks of a Markdown file, in place of what stands there; all else stays as it is.

    Raises:
        GenieGymError: there is no such file, or it lacks the marks.
    """
    before, after = _parts(Path(path), results.about.family)
    write_text(path, f"{before}\n{table(results, rows)}\n{after}")


def _parts(path: Path, family: str) -> tuple[str, str]:
    """What stands before and after the results, marks included."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GenieGymError(f"cannot read {path} to write a table there: {error}.") from error
    begin = begin_mark(family)
    before, found, rest = text.partition(begin)
    _, ends, after = rest.partition(END)
    if not (found and ends):
        raise GenieGymError(f"{path} has no place for a table: put a line {begin!r} and, below it, a line {END!r}.")
    return before + begin, END + after


def _shown(results: Results, key: str) -> str:
    """A number with its interval; nothing for no key."""
    if not key:
        return ""
    value, interval = results.numbers.get(key), results.numbers.get(f"{key}_interval")
    if value is None:
        return "not measured"
    assert not isinstance(value, tuple)
    shown = str(value) if isinstance(value, int) else f"{value:.3g}"
    return f"{shown} ({interval[0]:.3g} … {interval[1]:.3g})" if isinstance(interval, tuple) else shown
