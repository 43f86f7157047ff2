#!/usr/bin/env bash
# Builds a wheel from each form of the source (tar, zip, sdist): all hold every file of the package. One is installed into a
# fresh environment and used from an empty folder; then the unpacked zip is installed as editable.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/source" "$work/empty"
tar -c --exclude=__pycache__ agents datasets envs genie_gym LICENSE README.md pyproject.toml setup.py | tar -x -C "$work/source"
tar -czf "$work/source.tar.gz" -C "$work" source
cp -a "$work/source" "$work/zip" # a zip, once unpacked, may hold links as text
for name in envs agents datasets; do
  rm "$work/zip/genie_gym/$name"
  printf "../$name" > "$work/zip/genie_gym/$name"
done

python3 -m venv "$work/build"
python=$work/build/bin/python
"$python" -m pip install -q "setuptools>=77"
(cd "$work/source" && "$python" -c "from setuptools import build_meta; build_meta.build_sdist('../sdist')" >/dev/null)
build() { "$work/build/bin/python" -m pip wheel -q --no-deps --no-build-isolation -w "$2" "$1"; }
build "$work/source.tar.gz" "$work/wheels/tar"
build "$work/zip" "$work/wheels/zip"
build "$work"/sdist/*.tar.gz "$work/wheels/sdist"
"$python" - "$work/source" "$work"/wheels/*/*.whl <<'PY'
import os, sys, zipfile, zlib
from pathlib import Path

os.chdir(sys.argv[1])
files = [Path(folder, name) for folder, _, names in os.walk("genie_gym", followlinks=True) for name in names]
expected = {(path.as_posix(), zlib.crc32(path.read_bytes())) for path in files}
for wheel in sys.argv[2:]:
    entries = zipfile.ZipFile(wheel).infolist()
    found = {(entry.filename, entry.CRC) for entry in entries if ".dist-info/" not in entry.filename}
    assert found == expected, f"{wheel} differs from the source: {sorted(found ^ expected)}"
print("tar, zip and sdist give wheels of the same", len(expected), "files")
PY

python3 -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install -q -c constraints.txt torch
"$python" -m pip install -q -c constraints.txt "$work"/wheels/sdist/*.whl
cd "$work/empty"
"$python" - <<'PY'
import importlib, sysconfig
from pathlib import Path

import genie_gym
from genie_gym.errors import GenieGymError

site = Path(sysconfig.get_paths()["purelib"])
assert Path(genie_gym.__file__).is_relative_to(site), genie_gym.__file__
modules = [path.relative_to(site).with_suffix("") for path in (site / "genie_gym").rglob("*.py") if path.stem != "__main__"]
modules.remove(Path("genie_gym/envs/crafter"))  # stands for a package that is not installed here
names = {".".join(module.parts).removesuffix(".__init__") for module in modules}
page = {"genie_gym.web.server", "genie_gym.web.play"}  # need an extra
for name in sorted(names - page):
    importlib.import_module(name)
for name in page:
    try:
        importlib.import_module(name)
    except GenieGymError as error:
        assert "pip install 'genie-gym[play]'" in str(error), error
    else:
        raise AssertionError(f"{name} imports without the extra play")
assert not [name for name in ("envs", "agents", "datasets", "tests") if (site / name).exists()]
print(len(names), "modules import, or name their extra")
PY
"$work/venv/bin/genie-gym" generate --episodes 4 --num-envs 4 --max-episode-steps 16 --policy sticky --out "$work/set-v0"
test -s "$work/set-v0/contact_sheet.png" && test -s "$work/set-v0/data/main_data.hdf5"
echo "the wheel works on its own"
"$python" -m pip install -q -c "$root/constraints.txt" "$(echo "$work"/wheels/sdist/*.whl)[play]"
"$python" -c "import genie_gym.web.play"

"$python" -m pip install -q --no-deps -e "$work/zip"
"$python" -c "import genie_gym.envs.world_env as module; assert module.__file__.startswith('$work/zip/'), module.__file__"
rm "$work/zip/genie_gym/envs"
{ build "$work/zip" "$work/wheels/broken" 2>&1 || true; } | grep -q "genie_gym/envs must be a link"
echo "an unpacked zip installs as editable; a broken link is named"
