"""What a task needs, put into a place where one gets to it: beacons, coins, crates and marks, and what is to be found.

Legend: C cells along a side, K points.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from genie_gym.errors import GenieGymError
from genie_gym.genie3.config import TaskConfig
from genie_gym.genie3.tasks import BEACON, COINS, CRATE, FIND, NEAR
from genie_gym.genie3.walkable import Ways
from genie_gym.places.library import AssetLibrary
from genie_gym.places.place import Place, Thing

TRIES = 400
BEHIND, BEYOND = 1.7, 0.6  # metres of free line behind a crate, and beyond its mark
LEVEL = 0.25  # metres by which that line may rise and fall
ROOM = 1.0  # metres around what is to be found
ASIDE = 0.8  # radians: who is to find something looks elsewhere, this much to either side


class Errand:
    """Prepares a place for a task.

    Args:
        place: whose free cells `ways` has. keeps_spawn: one begins where the place says, whatever is to be done.
    """

    def __init__(
        self,
        place: Place,
        ways: Ways,
        library: AssetLibrary,
        config: TaskConfig,
        rng: np.random.Generator,
        keeps_spawn: bool = False,
    ):
        self.place, self.ways, self.library, self.config, self.rng = place, ways, library, config, rng
        self.keeps_spawn = keeps_spawn
        self.entered = np.array(ways.nearest_free(*place.spawn[:2]))
        self.far = ways.distances(self.entered[None])

    def prepared(self, task: str) -> Place:
        """The place with what the task needs.

        Raises:
            GenieGymError: there is no room for it.
        """
        if task == BEACON:
            return self._with(
                self._thing(self.config.beacon, self._any(self.ways.spots(self.far, *self.config.beacon_away)))
            )
        if task == NEAR:
            return self._with_beacon_ahead()
        if task == COINS:
            return self._with_coins()
        if task == CRATE:
            return self._with_crate()
        return self._to_find(task.removeprefix(FIND))

    def _with_beacon_ahead(self) -> Place:
        """A beacon in view; where none would be, one looks elsewhere first."""
        spots = self.rng.permutation(self.ways.spots(self.far, *self.config.near_away))[:TRIES]
        seen = np.array([spot for spot in spots if self.ways.clear(self.entered, spot)] or self._some(spots)[:1])
        offset = seen - self.entered
        turns = _wrapped(np.arctan2(offset[:, 1], offset[:, 0]) - self.place.spawn[2])
        x, y, heading = self.place.spawn
        if np.abs(turns).min() > self.config.near_angle and not self.keeps_spawn:
            heading += float(turns[np.abs(turns).argmin()])
            turns = turns - turns[np.abs(turns).argmin()]
        spot = seen[(np.abs(turns) <= max(self.config.near_angle, np.abs(turns).min())).nonzero()[0][0]]
        return self._with(self._thing(self.config.beacon, spot)).replace(spawn=(x, y, heading))

    def _with_coins(self) -> Place:
        chosen: list[np.ndarray] = []
        for spot in self.rng.permutation(self._some(self.ways.spots(self.far, *self.config.coin_away))):
            if all(np.hypot(*(spot - other)) > self.config.coins_apart for other in chosen):
                chosen.append(spot)
            if len(chosen) == self.config.coins:
                break
        lift = self.config.coin_lift
        return self._with(*(self._thing(self.config.coin, spot, lift=lift, turned=True) for spot in chosen))

    def _with_crate(self) -> Place:
        spots = self.rng.permutation(self._some(self.ways.spots(self.far, *self.config.crate_away)))[:TRIES]
        for margin in (2, 1, 0):
            wide = ndimage.binary_erosion(self.ways.free, iterations=margin) if margin else self.ways.free
            for spot in spots:
                angle, length = self.rng.uniform(0, 2 * math.pi), self.rng.uniform(*self.config.push)
                way = np.array([math.cos(angle), math.sin(angle)])
                start, end = spot - BEHIND * way, spot + (length + BEYOND) * way
                if self.ways.clear(start, end, wide) and self._is_level(start, end):
                    crate = self._thing(self.config.crate, spot, angle, movable=True)
                    return self._with(crate, self._thing(self.config.mark, spot + length * way, angle))
        raise GenieGymError("there is no room to push a crate in this place; choose another seed, place or task.")

    def _is_level(self, start: np.ndarray, end: np.ndarray) -> bool:
        line = start + np.linspace(0, 1, 7)[:, None] * (end - start)
        return float(np.ptp([self.place.height(*point) for point in line])) < LEVEL

    def _to_find(self, name: str) -> Place:
        """One such thing at least, and one begins far away from all of them."""
        place = self.place
        found = [thing for thing in place.things if thing.name == name]
        if not found:
            added = self._thing(name, self._open_spot(name), turned=True)
            place, found = self._with(added), [added]
        if self.keeps_spawn:
            return place
        reached = np.isfinite(self.far)
        beside = np.array([self.ways.nearest_free(*thing.centre[:2], among=reached) for thing in found])
        away = np.where(reached, self.ways.distances(beside), np.inf)
        x, y = self._any(self.ways.spots(away, self.config.find_away, math.inf))
        heading = math.atan2(y - found[0].centre[1], x - found[0].centre[0]) + self.rng.uniform(-ASIDE, ASIDE)
        return place.replace(spawn=(float(x), float(y), float(heading)))

    def _open_spot(self, name: str) -> Float[np.ndarray, " 2"]:
        """Where there is room for a thing, as far as there is any."""
        size = self.library.size[self._asset(name)].tolist()
        room = max(1, math.ceil((max(size[:2]) / 2 + ROOM) / self.ways.cell))
        inner = ndimage.distance_transform_cdt(self.ways.free, "chessboard")
        reached = np.isfinite(self.far) & (self.far > self.config.find_away / 2)
        open_ = reached & (inner >= min(room, int(inner[reached].max(initial=0))))
        return self._any(self.ways.points(np.argwhere(open_ if open_.any() else np.isfinite(self.far))))

    # Things

    def _asset(self, name: str) -> int:
        config = self.library.config
        return config.names.index(name)

    def _thing(
        self, name: str, at: Float[np.ndarray, " 2"], yaw: float = 0.0, movable: bool = False, lift: float = 0.0,
        turned: bool = False,
    ) -> Thing:  # fmt: skip
        x, y = map(float, at)
        wide, deep, tall = self.library.size[self._asset(name)].tolist()
        yaw = float(self.rng.uniform(0, 2 * math.pi)) if turned else yaw
        centre = (x, y, self.place.height(x, y) + lift + tall / 2)
        return Thing(name, centre, (wide, deep, tall), yaw, movable=movable, asset=self._asset(name))

    def _with(self, *things: Thing) -> Place:
        return self.place.replace(things=(*self.place.things, *things))

    def _any(self, spots: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, " 2"]:
        return np.asarray(self.rng.permutation(self._some(spots))[0])

    def _some(self, spots: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, "K 2"]:
        """Raises `GenieGymError` where there are none."""
        if not len(spots):
            raise GenieGymError("one cannot walk anywhere from where one enters this place; choose another seed or place.")
        return spots


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return np.asarray((angle + math.pi) % (2 * math.pi) - math.pi)
