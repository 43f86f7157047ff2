"""Letters that stand for sizes are explained at the top of the file that uses them."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "genie_gym"
FILES = [p for folder in (PACKAGE, *PACKAGE.glob("*/")) for p in folder.resolve().rglob("*.py")]
ANNOTATION = re.compile(r'(?:Float|Int|UInt8|Bool)\[[\w.| ]+, "([^"]+)"\]')  # Float[Tensor, "B T 3 H W"]
PROSE = re.compile(r"\[((?:[A-Z]\w?|\d+|…)(?:, (?:[A-Z]\w?|\d+|…|[A-Z][+-]1))+)\]")  # [B, T, H, W, 3]


def letters(text: str) -> set[str]:
    found = {name for shape in ANNOTATION.findall(text) for name in re.findall(r"(?<![*#\w])[A-Za-z]\w?(?!\w)", shape)}
    return found | {name for shape in PROSE.findall(text) for name in re.findall(r"[A-Z]\w?", shape)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_letter_is_in_the_legend(path):
    text = path.read_text()
    _, _, legend = (ast.get_docstring(ast.parse(text)) or "").partition("Legend:")
    assert not {name for name in letters(text) if not re.search(rf"(?<!\w){name}(?!\w)", legend)}


def test_letters_are_found():
    assert letters('x: Float[Tensor, "B T 3 h2 W"], y: Int[Tensor, " R"], uint8 [P, H, 3], [T+1, …]') == {
        "B", "T", "h2", "W", "R", "P", "H",
    }  # fmt: skip
