"""Which off-screen OpenGL MuJoCo draws with: EGL is tried first, then OSMesa. One context a process.

Importing this imports no MuJoCo: the choice goes into MUJOCO_GL, which MuJoCo reads when it is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes.util
import importlib
import os
import sys
from typing import Any

from genie_gym.errors import GenieGymError

BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}  # by their name in MUJOCO_GL: the library
_context: tuple[int, Any] | None = None  # (process id, GL context): a forked child makes its own


def choose_gl() -> None:
    """Names in MUJOCO_GL what environments of other packages are to draw with, by trying it. What is set there stays, and
    where there is a display (or no Linux) MuJoCo may choose by itself.

    Raises:
        GenieGymError: naming the system package, where neither EGL nor OSMesa works.
    """
    if sys.platform == "linux" and not os.environ.get("MUJOCO_GL") and not os.environ.get("DISPLAY"):
        make_gl_current()


def make_gl_current() -> None:
    """Makes this process's GL context current, creating it at the first call.

    Raises:
        GenieGymError: naming the system package, where neither EGL nor OSMesa works.
    """
    global _context
    if _context is None or _context[0] != os.getpid():
        # Workers are the parallelism; threads of llvmpipe gain nothing at 160x90.
        os.environ.setdefault("LP_NUM_THREADS", "0")
        _context = (os.getpid(), _create_context())
        atexit.register(_free, _context[1])  # while Python is whole: OSMesa complains later
    _context[1].make_current()


def _free(context: Any) -> None:
    with contextlib.suppress(Exception):  # another package may have closed the display already
        context.free()


def _create_context() -> Any:
    """A context of the first back end that works; MUJOCO_GL names it then, where nothing did before."""
    wanted = os.environ.get("MUJOCO_GL", "").lower()
    failures = []
    for backend, library in BACKENDS.items():
        if wanted in BACKENDS and wanted != backend:
            continue
        if ctypes.util.find_library(library) is None:
            failures.append(f"{backend}: no lib{library}")
            continue
        before = {name: os.environ.get(name) for name in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
        if not wanted:
            os.environ["MUJOCO_GL"] = backend  # before MuJoCo is imported: its own renderer is bound to it then
        try:
            context = importlib.import_module(f"mujoco.{backend}").GLContext(64, 64)
            context.make_current()
            return context
        except Exception as error:  # each back end fails in its own way; the sentence below says all of them
            failures.append(f"{backend}: {error}")
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
    raise GenieGymError(
        f"no off-screen OpenGL ({'; '.join(failures)}): `apt-get install libegl1 libgl1` or `apt-get install libosmesa6`."
    )
