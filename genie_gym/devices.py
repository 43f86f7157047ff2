"""Where computation runs, and in which precision."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch

from genie_gym.errors import GenieGymError


def pick_device(name: str) -> torch.device:
    """ "auto" is CUDA (this process's own GPU under torchrun) where there is one, else the CPU.

    Raises:
        GenieGymError: for a name that torch does not know, or a device that this machine does not have.
    """
    if name == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise GenieGymError(f"unknown device {name!r}; try auto, cpu or cuda.") from error
    count = _count(device.type)
    if (device.index or 0) >= count:
        seen = "none" if not count else f"{count}, numbered from 0"
        raise GenieGymError(f"no device {name!r} here: of {device.type} devices torch sees {seen}; use auto or cpu.")
    return device


def _count(kind: str) -> int:
    """How many devices of a kind can compute here; none of kinds that torch only has names for. Initialises nothing."""
    count = getattr(getattr(torch, kind, None), "device_count", None)
    return 0 if count is None else count()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The autocast context of "float32", "bfloat16", or "auto": bfloat16 where the device multiplies it in hardware
    (CUDA, CPUs with AMX)."""
    if precision == "auto":
        fast = device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())
        precision = "bfloat16" if fast else "float32"
    if precision not in ("float32", "bfloat16"):
        raise GenieGymError(f"unknown precision {precision!r}; use auto, float32 or bfloat16.")
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def autocast_for_play(device: torch.device) -> torch.autocast:
    """Mixed precision on a GPU; float32 on CPUs, where it is exact and as fast for the smaller matrices."""
    return autocast(device, "auto" if device.type == "cuda" else "float32")


def full_precision(device: torch.device) -> torch.autocast:
    """No mixed precision inside: for poses and depths, which bfloat16 would round to centimetres."""
    return torch.autocast(device.type, enabled=False)


def hardware() -> str:
    """What this process computes on, in words."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    model = found[1] if found else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} core{'s' if cores != 1 else ''} of {model}"
