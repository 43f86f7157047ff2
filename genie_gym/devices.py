"""Where computation runs, as which of several processes, and in which precision."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch

from genie_gym.errors import GenieGymError

PATIENCE = timedelta(hours=2)  # of processes with one another: the first one judges large worlds while others wait


@dataclass(frozen=True)
class Ranks:
    """Which process this is of those that compute together: number `rank` of `world_size`, and number `local_rank` of this
    machine's."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @classmethod
    def here(cls) -> Ranks:
        """As the process group says, where there is one; else as torchrun says in the environment; one alone without it.

        Raises:
            GenieGymError: the environment says no such numbers.
        """
        names = {"rank": "RANK", "world_size": "WORLD_SIZE", "local_rank": "LOCAL_RANK"}
        said = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
        try:
            ranks = cls(**{name: int(value) for name, value in said.items()})
        except ValueError:
            raise GenieGymError(
                f"RANK, WORLD_SIZE and LOCAL_RANK are whole numbers, as torchrun sets them; got {said}."
            ) from None
        if torch.distributed.is_initialized():
            ranks = cls(torch.distributed.get_rank(), torch.distributed.get_world_size(), ranks.local_rank)
        if not (0 <= ranks.rank < ranks.world_size and ranks.local_rank >= 0):
            raise GenieGymError(f"RANK and LOCAL_RANK count from 0, RANK up to WORLD_SIZE; got {ranks}.")
        return ranks

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        return self.world_size == 1

    @contextmanager
    def together(self) -> Iterator[None]:
        """The process group of all of them while the block runs. One that is there already is used, and stays."""
        ours = not self.is_alone and not torch.distributed.is_initialized()
        if ours:
            kinds = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            torch.distributed.init_process_group(kinds, timeout=PATIENCE)
        try:
            yield
        finally:
            if ours:
                torch.distributed.destroy_process_group()

    def barrier(self) -> None:
        """Waits until all are here."""
        if not self.is_alone:
            torch.distributed.barrier()

    def from_first(self, value: float, device: torch.device) -> float:
        """The first process's number."""
        if self.is_alone:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=device)
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    def mean(self, values: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """The mean over all processes of each number; all have the same ones."""
        if self.is_alone:
            return dict(values)
        shared = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
        torch.distributed.all_reduce(shared)
        return dict(zip(values, (shared / self.world_size).tolist(), strict=True))


def pick_device(name: str) -> torch.device:
    """ "auto" is CUDA (this process's own GPU under torchrun) where there is one, else the CPU.

    Raises:
        GenieGymError: for a name that torch does not know, or a device that this machine does not have.
    """
    if name == "auto":
        name = f"cuda:{Ranks.here().local_rank}" if torch.cuda.is_available() else "cpu"
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
