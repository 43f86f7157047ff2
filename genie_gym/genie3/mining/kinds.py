"""Which things are of one shape: boxes of one class, kind and size. What is of a size of its own is of its own kind.

Legend: N things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.places.place import Place, Thing

EXACTLY = 200  # steps of a metre in which sizes are told apart


@dataclass(frozen=True)
class Shape:
    """A class, kind and size that several things share."""

    name: str
    kind: str
    size: tuple[float, float, float]
    being: bool = False


class Shapes:
    """All shapes of some places. `number(thing)` is a thing's shape; -1 where it is of its own kind."""

    def __init__(self, places: Iterable[Place], config: MiningConfig):
        groups: dict[tuple[str, str], list[Thing]] = defaultdict(list)
        for place in places:
            for thing in place.things:
                groups[thing.name, thing.kind].append(thing)
        self.all: list[Shape] = []
        self.alone: set[tuple[str, str]] = set()
        self._sizes: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        self._near = 1.5 * config.same_size
        for key, things in sorted(groups.items()):
            sizes = np.log(np.array([thing.size for thing in things]))
            distinct = len(np.unique(np.rint(np.exp(sizes) * EXACTLY), axis=0))
            if distinct > max(8, config.own_kind * len(things)):
                self.alone.add(key)
                continue
            leaders = _leaders(sizes, config.same_size)
            begin = len(self.all)
            being = any(thing.behaviour is not None for thing in things)
            for leader in leaders:
                width, depth, height = (float(side) for side in np.exp(leader))
                self.all.append(Shape(*key, (width, depth, height), being))
            self._sizes[key] = (leaders, np.arange(begin, len(self.all)))

    def number(self, thing: Thing) -> int:
        found = self._sizes.get((thing.name, thing.kind))
        if found is None:
            return -1
        off = np.abs(found[0] - np.log(thing.size)).max(1)
        best = int(off.argmin())
        return int(found[1][best]) if off[best] < self._near else -1

    def __len__(self) -> int:
        return len(self.all)


def _leaders(sizes: np.ndarray, near: float) -> np.ndarray:
    """Sizes of which each other one is near one (logarithms, [n, 3])."""
    leaders: list[np.ndarray] = []
    for size in sizes:
        if not leaders or np.abs(np.array(leaders) - size).max(1).min() > near:
            leaders.append(size)
        if len(leaders) > 400:
            break
    return np.array(leaders)
