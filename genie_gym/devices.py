"""Where computation runs, and in which precision."""

from __future__ import annotations

import os

import torch

from genie_gym.errors import GenieGymError


def pick_device(name: str) -> torch.device:
    """ "auto" is CUDA (this process's own GPU under torchrun) where there is one, else the CPU."""
    if name == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise GenieGymError(f"unknown device {name!r}; try auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise GenieGymError(f"device {name!r} asked for, but torch sees no CUDA GPU; use cpu.")
    return device


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
