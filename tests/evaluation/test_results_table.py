"""Results as values, as JSON, and as a table in a Markdown file."""

import json
from pathlib import Path

import pytest

from genie_gym.cli import main
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.results import About, Results
from genie_gym.evaluation.table import END, Row, begin_mark, check_marks, table, write_table
from genie_gym.families import FAMILIES, find_family

BEGIN = begin_mark("genie1")
ABOUT = About("genie1", "genie-gym evaluate genie1 --clips 8", "2 cores of a machine", "2026-11-30")
NUMBERS = {"light_psnr": 20.34, "light_psnr_interval": (19.7, 20.9), "copy": 12.4, "clips": 1280}
RESULTS = Results(NUMBERS, {"light": 61.0, "prompts": 179.0}, ["it is dark"], ABOUT)
ROWS = (Row("light, dB", "light_psnr", "copy", "30"), Row("clips", "clips"), Row("walls", "wall_stop_rate"))


def test_results_come_back_as_they_were():
    assert Results.from_dict(json.loads(json.dumps(RESULTS.to_dict()))) == RESULTS


@pytest.mark.parametrize("values", [{}, {"notes": [], "about": []}, RESULTS.to_dict() | {"light_psnr": "good"}])
def test_what_are_no_results_is_refused(values):
    with pytest.raises(GenieGymError, match="no results of `genie-gym evaluate"):
        Results.from_dict(values)


def test_a_row_shows_a_number_its_interval_and_what_it_is_held_against():
    lines = table(RESULTS, ROWS).splitlines()
    assert lines[2:5] == [
        "| light, dB | 20.3 (19.7 … 20.9) | 12.4 | 30 |",
        "| clips | 1280 | | |",
        "| walls | not measured | | |",
    ]
    assert lines[-1] == (
        "*`genie-gym evaluate genie1 --clips 8`: 4 minutes on 2 cores of a machine, 2026-11-30; in brackets 95 % intervals.*"
    )
    assert "| `copy` | 12.4 | | |" in table(RESULTS)  # without rows, all of them


def test_a_table_takes_the_place_of_the_one_before(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{begin_mark('genie1')}\n| old |\n{END}\n\nAfter: 雾\n", encoding="utf-8")
    for _ in range(2):
        write_table(page, RESULTS, ROWS)
    text = page.read_text(encoding="utf-8")
    assert text == f"# Before\n\n{begin_mark('genie1')}\n{table(RESULTS, ROWS)}\n{END}\n\nAfter: 雾\n"
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize("text", ["# nothing\n", BEGIN, f"{END}\n{BEGIN}", begin_mark("genie2") + END])
def test_a_file_without_marks_is_refused_and_left_as_it_is(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(GenieGymError, match=f"has no place for a table: put a line '{BEGIN}"):
        write_table(page, RESULTS, ROWS)
    assert page.read_text() == text
    with pytest.raises(GenieGymError, match="cannot read"):
        check_marks(tmp_path / "none.md", "genie1")


def test_the_command_writes_what_an_earlier_one_found(world_folder, tmp_path, capsys):
    page, given = tmp_path / "page.md", tmp_path / "r.json"
    given.write_text(json.dumps(RESULTS.to_dict()))
    asked = ["evaluate", str(world_folder), "--table", str(page), "--from", str(given), "--device", "cpu"]
    assert main(asked) == 2
    page.write_text(f"{begin_mark('genie1')}\n{END}\n")
    assert main(asked) == 0
    assert "| `light_psnr` | 20.3 (19.7 … 20.9) | | |" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main([*asked, "--measures", "fidelity"]) == 2
    assert "leave --measures out" in capsys.readouterr().err


def test_the_command_says_how_it_was_asked(world_folder, video_path, tmp_path):
    out = tmp_path / "r.json"
    asked = ["evaluate", str(world_folder), "--data", str(video_path), "--clips", "2", "--measures", "outcomes"]
    assert main([*asked, "--json", str(out), "--device", "cpu"]) == 0
    about = json.loads(out.read_text())["about"]
    assert about["command"] == "genie-gym evaluate debug --data squares.h5 --clips 2 --measures outcomes"
    assert about["family"] == "genie1"
    assert about["hardware"]
    assert about["date"].count("-") == 2


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.rows])
def test_pages_of_shipped_worlds_have_a_place_for_their_table(family):
    check_marks(Path(__file__).parents[2] / "docs" / f"{family}.md", family)
    keys = [row.key for row in find_family(family).load("rows")]
    assert len(keys) == len(set(keys))
