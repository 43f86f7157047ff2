"""How OpenMP's threads wait for one another, which has to be settled before torch loads. Imports no torch.

A forward pass is hundreds of short parallel regions, and at the end of each the threads wait for the last one. GNU's OpenMP,
which torch's wheels for Linux carry, spins for some milliseconds there before it sleeps. Where another process wants one of
the cores, the waiting thread burns the time that the late one needs. Threads that sleep at once leave the core to whoever
works.

Frames/s of Genie1-v0, 8 copies, medians of four turns of two seconds (2026-11-24; two cores of an AMD EPYC that other work
shared, so "alone" was not quite alone; `genie-gym bench --busy 1 --num-envs 8` measures the first column and the last):

    spins before sleeping (GOMP_SPINCOUNT)   300,000 (what nothing set means)   5,000   1,000   0 (passive)
    alone                                    25.0                               28.2    25.3    28.9
    beside one busy process                  13.0                               18.3    22.0    20.9

Passive is as good as any, and OpenMP's own word for it, in every implementation.
"""

from __future__ import annotations

import os
import sys

WAITING = {"OMP_WAIT_POLICY": "passive"}
SPINNING = {"GOMP_SPINCOUNT": "300000"}  # what GNU's OpenMP does when it is told nothing
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_passively() -> None:
    """Has OpenMP's threads sleep while they wait, in this process and those it starts.

    Changes nothing where the user has set any of `SETTINGS`, nor where torch is loaded already: OpenMP has read them then.
    Who imports torch first (stable-baselines3 does so too) sets OMP_WAIT_POLICY=passive outside, or imports genie_gym first.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in SETTINGS):
        os.environ.update(WAITING)
