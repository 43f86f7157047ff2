"""How OpenMP's threads wait for one another, which has to be settled before torch loads. Imports no torch.

A forward pass is hundreds of short parallel regions, and at the end of each the threads wait for the last one. GNU's OpenMP,
which torch's wheels for Linux carry, spins for some milliseconds there before it sleeps. Where another process wants one of
the cores, the waiting thread burns the time that the late one needs. Threads that sleep at once leave the core to whoever
works, but waking them costs a quarter of the speed where nobody else does. So they spin, but briefly.

Frames/s of Genie1-v0, 8 copies, median of four turns of three seconds, nothing else running (2026-11-24, two cores of an AMD
EPYC; two runs, hence 300,000 twice; `genie-gym bench --busy 1 --num-envs 8` measures 2,500 and 300,000):

    spins before sleeping (GOMP_SPINCOUNT)   0 (passive)   1,000   5,000   20,000   300,000 (nothing set)   2,500   300,000
    alone                                    57            70      77      78       81                      80      82
    beside one busy process                  42            37      27      15       22                      35      24
"""

from __future__ import annotations

import os
import sys

WAITING = {"GOMP_SPINCOUNT": "2500"}
SPINNING = {"GOMP_SPINCOUNT": "300000"}  # what GNU's OpenMP does when it is told nothing
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def wait_briefly() -> None:
    """Has OpenMP's threads sleep soon while they wait, in this process and those it starts.

    Changes nothing where the user has set any of `SETTINGS`, nor where torch is loaded already: OpenMP has read them then.
    Who imports torch first (stable-baselines3 does so too) sets GOMP_SPINCOUNT outside, or imports genie_gym first.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in SETTINGS):
        os.environ.update(WAITING)
