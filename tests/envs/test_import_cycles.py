"""No two files of the simulators import each other, not even through others, not even for type checking alone."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import genie_gym

PACKAGE = Path(genie_gym.__file__).parent
FOLDER = PACKAGE / "envs" / "sim"


def modules() -> dict[str, Path]:
    paths = {
        ".".join(("genie_gym", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in FOLDER.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imports(code: str, known: set[str]) -> set[str]:
    """The known modules that a file imports anywhere in it. `from package import name` means the module of that name where
    there is one, else the package itself."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in names}
    return found & known


def test_no_import_cycles():
    paths = modules()
    assert len(paths) > 20
    graph = {name: imports(path.read_text(), set(paths)) - {name} for name, path in paths.items()}
    TopologicalSorter(graph).prepare()


def test_a_cycle_behind_type_checking_is_found():
    code = {
        "a": "from b import thing",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import Thing",
    }
    with pytest.raises(CycleError):
        TopologicalSorter({name: imports(text, set(code)) for name, text in code.items()}).prepare()
