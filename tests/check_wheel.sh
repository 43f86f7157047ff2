#!/usr/bin/env bash
# Installs a wheel into a fresh environment and uses it from an empty folder: everything imports, the demo's command
# runs, and nothing named envs, agents or datasets lies in site-packages. Usage: tests/check_wheel.sh WHEEL
set -euo pipefail
wheel=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q -c "$here/constraints.txt" torch
"$work/venv/bin/python" -m pip install -q -c "$here/constraints.txt" "$wheel"
cd "$work"
"$work/venv/bin/python" - <<'PY'
import importlib, pkgutil, sysconfig
from pathlib import Path

import genie_gym

site = Path(sysconfig.get_paths()["purelib"])
assert Path(genie_gym.__file__).is_relative_to(site), genie_gym.__file__
names = [m.name for m in pkgutil.walk_packages(genie_gym.__path__, "genie_gym.") if not m.name.endswith("__main__")]
for folder in ("envs", "envs.sim", "envs.sim.arm", "envs.sim.town", "agents", "datasets"):  # namespace packages, which walk_packages passes over
    path = site / "genie_gym" / folder.replace(".", "/")
    names += [f"genie_gym.{folder}.{p.stem}" for p in path.glob("*.py") if p.stem != "__init__"]
for name in sorted(set(names)):
    importlib.import_module(name)
assert len(names) > 30, names
assert not [n for n in ("envs", "agents", "datasets", "tests") if (site / n).exists()]
print(len(set(names)), "modules import")
PY
"$work/venv/bin/genie-gym" generate --episodes 4 --num-envs 4 --max-episode-steps 16 --policy sticky --out "$work/set"
test -s "$work/set/contact_sheet.png" && test -s "$work/set/data/main_data.hdf5"
echo "the wheel works on its own"
