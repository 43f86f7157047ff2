import json
import subprocess
import sys

import pytest

from genie_gym.errors import GenieGymError
from genie_gym.files import beside, check_manifest, part_of, sha256, write_json, write_manifest, write_text


def test_a_file_appears_whole_under_its_name(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with beside(path) as part:
        part.write_text("half")
        assert not path.exists()
        assert part.suffix == ".txt"
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_old_file_and_nothing_else(error, tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def write_half() -> None:
        with beside(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_parts_of_different_files_differ(tmp_path):
    assert part_of(tmp_path / "a.png") != part_of(tmp_path / "a.gif") != part_of(tmp_path / "b.gif")


def test_the_checksum_is_the_well_known_one(tmp_path):
    write_text(tmp_path / "abc", "abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_manifest_tells_of_every_change(tmp_path):
    with pytest.raises(GenieGymError, match="no manifest"):
        check_manifest(tmp_path)
    for name in ("a", "b"):
        write_text(tmp_path / name, name)
    write_manifest(tmp_path, ["a", "b"])
    assert check_manifest(tmp_path) == {"a", "b"}
    write_text(tmp_path / "b", "c")
    with pytest.raises(GenieGymError, match="another checksum"):
        check_manifest(tmp_path)
    (tmp_path / "b").unlink()
    with pytest.raises(GenieGymError, match="missing"):
        check_manifest(tmp_path)


def test_a_manifest_speaks_of_its_own_folder_only(tmp_path):
    write_text(tmp_path / "secret", "x")
    (tmp_path / "world").mkdir()
    write_json(tmp_path / "world" / "manifest.json", {"../secret": sha256(tmp_path / "secret")})
    with pytest.raises(GenieGymError, match="missing"):
        check_manifest(tmp_path / "world")


def test_checksums_need_no_torch():
    code = "import sys, genie_gym.files, genie_gym.families; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
