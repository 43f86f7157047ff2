"""How much of a true scene graph was found.

Legend: N found things, M true ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject

NEVER = 1e6


@dataclass(frozen=True)
class MatchConfig:
    """A found thing is a true one if its class is, and its centre lies within `metres`, or within `share` of its distance
    from the camera if that is more, of the true one's box: of large things only a side is seen."""

    within: float = 10.0
    """Metres from the camera to a box, up to which things count."""
    pixels: int = 30
    """True things count that have at least so many in the view."""
    metres: float = 1.0
    share: float = 0.2


@dataclass(frozen=True)
class Match:
    """Of `true` things that count, `recalled` were found; of `found` ones, `right` are true. `pairs` are those found and the
    true ones they are, by their ids; `metres` between their centres."""

    found: int
    right: int
    true: int
    recalled: int
    pairs: tuple[tuple[int, int], ...]
    metres: tuple[float, ...]

    @property
    def precision(self) -> float:
        """NaN where nothing was found."""
        return self.right / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """NaN where there was nothing to find."""
        return self.recalled / self.true if self.true else float("nan")


def match_graphs(found: SceneGraph, truth: SceneGraph, config: MatchConfig | None = None) -> Match:
    """Each found thing in view and each true one, one to one, the nearest together. What is true but does not count (too
    far, or too small in the view) may be found: it is neither right nor wrong."""
    config = config or MatchConfig()
    eye = np.array(found.pose)[:3, 3]
    seen, real = [o for o in found.objects if o.pixels], [o for o in truth.objects if o.pixels]
    cost = _costs(seen, real, eye, config)
    rows, columns = linear_sum_assignment(cost)
    pairs = {int(i): int(j) for i, j in zip(rows, columns, strict=True) if cost[i, j] < NEVER}
    near_seen = [float(o.distance_to(eye)) <= config.within for o in seen]
    counts = [float(o.distance_to(eye)) <= config.within and o.pixels >= config.pixels for o in real]
    missed = [i for i, near in enumerate(near_seen) if near and i not in pairs]
    right = [i for i, j in pairs.items() if near_seen[i] and counts[j]]
    between = [np.linalg.norm(np.array(seen[i].centre) - np.array(real[j].centre)) for i, j in pairs.items()]
    return Match(
        found=len(right) + len(missed),
        right=len(right),
        true=sum(counts),
        recalled=sum(counts[j] for j in pairs.values()),
        pairs=tuple((seen[i].id, real[j].id) for i, j in pairs.items()),
        metres=tuple(float(metres) for metres in between),
    )


def _costs(seen: Sequence[SceneObject], real: Sequence[SceneObject], eye: np.ndarray, config: MatchConfig) -> np.ndarray:
    """[N, M]: metres from each found thing's centre to each true box, and a little for how far apart their centres are."""
    cost = np.full((len(seen), len(real)), NEVER)
    for i, thing in enumerate(seen):
        allowed = max(config.metres, config.share * float(np.linalg.norm(np.array(thing.centre) - eye)))
        for j, other in enumerate(real):
            away = float(other.distance_to(np.array(thing.centre)))
            if thing.name == other.name and away <= allowed:
                cost[i, j] = away + 0.1 * float(np.linalg.norm(np.array(thing.centre) - np.array(other.centre)))
    return cost
