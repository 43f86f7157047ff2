"""Which off-screen OpenGL MuJoCo draws with: EGL is tried first, then OSMesa. One context a process, which its threads take
in turn.

Importing this imports no MuJoCo: the choice goes into MUJOCO_GL, which MuJoCo reads when it is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes.util
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from genie_gym.errors import GenieGymError

BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}  # by their name in MUJOCO_GL: the library
_context: Any = None
_turn = threading.RLock()  # a context is current in one thread at a time


def choose_gl() -> None:
    """Names in MUJOCO_GL what environments of other packages are to draw with, by trying it. What is set there stays, and
    where there is a display (or no Linux) MuJoCo may choose by itself.

    Raises:
        GenieGymError: naming the system package, where neither EGL nor OSMesa works.
    """
    if sys.platform == "linux" and not os.environ.get("MUJOCO_GL") and not os.environ.get("DISPLAY"):
        with current_gl():
            pass


@contextlib.contextmanager
def current_gl() -> Iterator[None]:
    """Inside, this process's GL context is current in this thread; other threads wait. It is created at the first call.

    Raises:
        GenieGymError: naming the system package, where neither EGL nor OSMesa works.
    """
    global _context
    with _turn:
        if _context is None:
            # Workers are the parallelism; threads of llvmpipe gain nothing at 160x90.
            os.environ.setdefault("LP_NUM_THREADS", "0")
            _context = _create_context()
            atexit.register(_free, _context)  # while Python is whole: OSMesa complains later
        if (egl := sys.modules.get("mujoco.egl")) is not None:
            egl.EGL.eglBindAPI(egl.EGL.EGL_OPENGL_API)  # which each thread has to say
        with _context.as_current():
            yield


def _begin_anew() -> None:
    """A forked child makes a context of its own, and waits for no thread that it has not."""
    global _context, _turn
    _context, _turn = None, threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


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
            with context.as_current():
                return context
        except Exception as error:  # each back end fails in its own way; the sentence below says all of them
            failures.append(f"{backend}: {error}")
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
    raise GenieGymError(
        f"no off-screen OpenGL ({'; '.join(failures)}): `apt-get install libegl1 libgl1` or `apt-get install libosmesa6`."
    )
