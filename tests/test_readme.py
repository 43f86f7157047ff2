"""The README's Python runs as it stands, in order, in one namespace and an empty folder."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
PAGES = [
    README,
    *(
        README.parent / "docs" / f"{name}.md"
        for name in ("genie3", "simulators", "your_own_world", "scene_graph", "imagine")
    ),
]
LINKED = [*PAGES, *(README.parent / "docs" / name for name in ("bring_your_own.md", "export.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_on_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert blocks
    namespace: dict = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize(
    "name", ["sheet", "imagine", "generate", "export-scene", "gallery", "bench", "benchmark", "evaluate", "record", "train"]
)
def test_every_command_is_in_the_readme(name):
    assert f"genie-gym {name}" in README.read_text()


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
