import os
import subprocess
import sys

import pytest

from genie_gym.threads import SETTINGS, WAITING

SHOW = f"import os, sys; print({{n: os.environ.get(n) for n in {SETTINGS}}}, 'torch' in sys.modules)"


def settings_after(code: str, **given: str) -> str:
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run([sys.executable, "-c", f"{code}; {SHOW}"], env=plain | given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_settles_how_threads_wait_before_torch_loads():
    assert settings_after("import genie_gym") == f"{ {name: WAITING.get(name) for name in SETTINGS} } False"


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_user_has_set_stays(name):
    expected = {other: "0" if other == name else None for other in SETTINGS}
    assert settings_after("import genie_gym", **{name: "0"}) == f"{expected} False"


def test_too_late_it_does_not_pretend():
    assert settings_after("import torch, genie_gym") == f"{dict.fromkeys(SETTINGS)} True"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks GNU's OpenMP, which torch carries on Linux")
def test_openmp_hears_it():
    done = subprocess.run(
        [sys.executable, "-c", "import genie_gym, torch; torch.ones(2)"],
        env={n: v for n, v in os.environ.items() if n not in SETTINGS} | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert f"GOMP_SPINCOUNT = '{WAITING['GOMP_SPINCOUNT']}'" in done.stderr
