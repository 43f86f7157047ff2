"""What recordings say of Town's tasks: when each is done, for all whose goals show from where they are reached. A coin is
below the picture when one takes it, and the crate's mark lies under the crate."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from genie_gym.envs.sim.town.landmarks import FOOTPRINTS, landmark

BEACON_REACH = 1.5  # metres to its middle
FIND_REACH, FIND_HALF_ANGLE = 3.0, float(np.radians(30))  # metres to the thing's edge; to its middle, to either side


@functools.cache
def goals() -> tuple[dict[str, Any], ...]:
    """As JSON holds them; `genie_gym.geometry.goals.Goal` says what each value is."""
    return ({"task": "reach_beacon", "kind": "beacon", "reach": BEACON_REACH}, *map(_find, FOOTPRINTS))


def _find(kind: str) -> dict[str, Any]:
    low, high = landmark(kind).bounds()
    return {
        "task": f"find:{kind}", "kind": kind, "reach": FIND_REACH, "half_angle": FIND_HALF_ANGLE,
        "middle": ((low[:2] + high[:2]) / 2).tolist(), "half": list(map(float, FOOTPRINTS[kind])),
    }  # fmt: skip
