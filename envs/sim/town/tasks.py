"""What there is to do: reach a beacon, collect coins, find a landmark or object, push a crate onto a mark.

A task adds what it needs to each new layout (`prepare`), then watches the world (`check`). Rewards are sparse: 1 for the
goal, 1 for each coin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.goals import BEACON_REACH, FIND_HALF_ANGLE, FIND_REACH
from genie_gym.envs.sim.town.layout import Entity, Layout
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.plane import Point, as_point, heading_of, to_frame, wrap_angle
from genie_gym.envs.sim.town.props import prop
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.errors import GenieGymError, did_you_mean

TASKS = ("reach_beacon", "collect_coins", "find", "push_crate")
COINS = 5
NEAR = "near"
TARGETS = {
    "find": (*VOCABULARY.landmarks, *VOCABULARY.objects),
    "reach_beacon": (NEAR,),
}  # what a task may name after a colon


class Task(ABC):
    """One goal in one world. `target` is what the task's name says after its colon."""

    instruction = ""

    def __init__(self, rng: np.random.Generator, target: str = ""):
        self.rng, self.target = rng, target

    @abstractmethod
    def prepare(self, builder: Builder) -> list[Entity]:
        """Adds what the goal needs to a layout, where the agent can get to it, and returns what may not go away."""

    @abstractmethod
    def check(self, world: TownWorld) -> tuple[float, bool]:
        """Reward of the last step, and whether the goal is reached."""

    @abstractmethod
    def goal(self, world: TownWorld) -> Point:
        """Where to go now, (x, y): for scripted experts."""


def make_task(name: str, rng: np.random.Generator) -> Task:
    """`name` is one of `TASKS`; "find:well" names what to find, "find" alone takes a landmark of the world; of
    "reach_beacon:near" the beacon is in view from the beginning.

    Raises:
        GenieGymError: for an unknown task, or what it does not know after its colon.
    """
    kind, _, target = name.partition(":")
    if kind not in TASKS or (target and kind not in TARGETS):
        raise GenieGymError(f"unknown task {name!r}." + did_you_mean(name, TASKS))
    if target and target not in TARGETS[kind]:
        raise GenieGymError(f"the task {kind!r} knows no {target!r}." + did_you_mean(target, TARGETS[kind]))
    tasks: dict[str, type[Task]] = {
        "reach_beacon": ReachBeacon, "collect_coins": CollectCoins, "find": Find, "push_crate": PushCrate,
    }  # fmt: skip
    return tasks[kind](rng, target)


def _reachable_spots(layout: Layout, low: float, high: float, grid: NavigationGrid | None = None) -> np.ndarray:
    """Points [n, 2] whose walking distance from the start lies in a range (or the farthest ones there are)."""
    grid = grid or NavigationGrid.of(layout)
    distances = grid.distances(*layout.spawn[:2])
    finite = np.isfinite(distances)
    chosen = finite & (distances >= low) & (distances <= high)
    if not chosen.any():
        chosen = finite & (distances >= 0.7 * distances[finite].max())
    return grid.points(np.argwhere(chosen))


def _distance(world: TownWorld, entity: Entity) -> float:
    """Metres from the agent's feet to a thing's centre."""
    return float(np.hypot(*(world.position[:2] - (entity.x, entity.y))))


def _nearest(entities: list[Entity], distance: Callable[[Entity], float]) -> Point:
    nearest = min(entities, key=distance)
    return nearest.x, nearest.y


class ReachBeacon(Task):
    """Within 1.5 m of it. It stands 14 to 34 m of walking away; "near" is ahead, 4 to 12 m, nothing in between."""

    instruction = "reach the beacon"
    AHEAD = float(np.radians(35))  # to either side, of the 46 degrees that one sees

    def prepare(self, builder: Builder) -> list[Entity]:
        spots = self._spots_ahead(builder.layout) if self.target == NEAR else _reachable_spots(builder.layout, 14, 34)
        x, y = as_point(self.rng.permutation(spots)[0])
        self.beacon = builder.add("beacon", "beacon", x, y, 0.0, prop("beacon"), "beacon", covers=False)
        return [self.beacon]

    def _spots_ahead(self, layout: Layout) -> np.ndarray:
        """Points [n, 2] in view from the start. Where there is none, the agent looks elsewhere first."""
        grid = NavigationGrid.of(layout)
        x, y, yaw = layout.spawn
        spots = _reachable_spots(layout, 4, 12, grid)
        spots = np.array([spot for spot in spots if grid.clear((x, y), as_point(spot))] or spots[:1])
        turns = np.array([wrap_angle(heading_of(spot - (x, y)) - yaw) for spot in spots])
        if np.abs(turns).min() > self.AHEAD:
            turn = turns[np.abs(turns).argmin()]
            layout.spawn, turns = (x, y, wrap_angle(yaw + turn)), turns - turn
        return spots[np.abs(turns) <= self.AHEAD]

    def check(self, world: TownWorld) -> tuple[float, bool]:
        done = _distance(world, self.beacon) < BEACON_REACH
        return float(done), done

    def goal(self, world: TownWorld) -> Point:
        return self.beacon.x, self.beacon.y


class CollectCoins(Task):
    instruction = f"collect the {COINS} coins"
    REACH = 0.9

    def prepare(self, builder: Builder) -> list[Entity]:
        self.coins: list[Entity] = []
        for x, y in self.rng.permutation(_reachable_spots(builder.layout, 4, 22)):
            if all(np.hypot(x - c.x, y - c.y) > 4 for c in self.coins):
                yaw = float(self.rng.uniform(0, np.pi))
                self.coins.append(builder.add("coin", "coin", float(x), float(y), yaw, prop("coin"), "coin", covers=False))
            if len(self.coins) == COINS:
                break
        return list(self.coins)

    def check(self, world: TownWorld) -> tuple[float, bool]:
        reward = 0.0
        for coin in list(self.coins):
            if _distance(world, coin) < self.REACH:
                self.coins.remove(coin)
                world.simulation.hidden.add(world.layout.entities.index(coin))
                reward += 1.0
        return reward, not self.coins

    def goal(self, world: TownWorld) -> Point:
        return _nearest(self.coins, lambda coin: _distance(world, coin))


class Find(Task):
    """Stand within 3 m of a thing's edge and look at it, nothing in between."""

    def prepare(self, builder: Builder) -> list[Entity]:
        layout = builder.layout
        present = [e.kind for e in layout.entities if e.kind in VOCABULARY.landmarks]
        kind = self.target or (str(self.rng.choice(present)) if present else "well")
        found = [e for e in layout.entities if e.kind == kind]
        if not found and kind in VOCABULARY.landmarks:
            found = [builder.add_landmark(kind)]
        elif not found:
            x, y = as_point(self.rng.permutation(_reachable_spots(layout, 14, 34))[0])
            found = [builder.add_prop(kind, *builder.room.free_near(x, y, 1.0))]
        self.targets = found
        self.instruction = f"find the {kind}"
        self._start_far_from(layout, found)
        return found

    def _start_far_from(self, layout: Layout, found: list[Entity]) -> None:
        """The agent begins at least 14 m away from all of them, looking elsewhere."""
        grid = NavigationGrid.of(layout)
        beside = [grid.point(*grid.nearest_free(*grid.cell(e.x, e.y))) for e in found]
        from_goal = np.min([grid.distances(*point) for point in beside], axis=0)
        finite = np.isfinite(from_goal)
        far = finite & (from_goal >= min(16.0, 0.7 * from_goal[finite].max()))
        x, y = as_point(self.rng.permutation(grid.points(np.argwhere(far)))[0])
        away = np.arctan2(y - found[0].y, x - found[0].x) + self.rng.uniform(-0.8, 0.8)
        layout.spawn = (x, y, float(away))

    def edge_distance(self, world: TownWorld, entity: Entity) -> float:
        dx, dy = world.position[:2] - (entity.x, entity.y)
        along, across = (abs(float(c)) for c in to_frame(dx, dy, entity.yaw))
        return float(np.hypot(max(along - entity.half[0], 0), max(across - entity.half[1], 0)))

    def check(self, world: TownWorld) -> tuple[float, bool]:
        for entity in self.targets:
            angle = wrap_angle(heading_of(np.array([entity.x, entity.y]) - world.position[:2]) - world.agent.yaw)
            if self.edge_distance(world, entity) < FIND_REACH and abs(angle) < FIND_HALF_ANGLE:
                return 1.0, True
        return 0.0, False

    def goal(self, world: TownWorld) -> Point:
        return _nearest(self.targets, lambda entity: self.edge_distance(world, entity))


class PushCrate(Task):
    """The crate's centre within 0.9 m of the mark's."""

    instruction = "push the crate onto the mark"
    REACH = 0.9
    # Metres that the crate has to travel along a free straight line, and how much wider than a walker that line must be.
    CORRIDORS = (((3.5, 6.5), 2), ((2.4, 4.0), 1))

    def prepare(self, builder: Builder) -> list[Entity]:
        layout = builder.layout
        line = self._free_line(layout)
        if line is None:  # too crowded: small things make room
            large = ("building", *VOCABULARY.landmarks)
            layout.entities = [e for e in layout.entities if e.category in large or e.shape is None]
            line = self._free_line(layout)
        if line is None:
            raise GenieGymError(f"no room to push a crate in this {layout.spec.scene}; choose another seed or task.")
        crate, mark, heading = line
        self.crate = builder.add_prop("crate", *crate, heading)
        self.mark = builder.add("mark", "mark", *mark, heading, prop("mark"), "mark", covers=False)
        return [self.crate, self.mark]

    def _free_line(self, layout: Layout) -> tuple[Point, Point, float] | None:
        """Where the crate stands, where the mark lies, and the heading from one to the other."""
        grid = NavigationGrid.of(layout)
        candidates = self.rng.permutation(_reachable_spots(layout, 4, 26, grid))[:400]
        for lengths, margin in self.CORRIDORS:
            wide = NavigationGrid(_grown(grid.blocked, margin))
            for crate in candidates:
                angle, length = float(self.rng.uniform(0, 2 * np.pi)), self.rng.uniform(*lengths)
                direction = np.array([np.cos(angle), np.sin(angle)])
                start, end = as_point(crate - 1.7 * direction), as_point(crate + (length + 0.6) * direction)
                if _level(layout, start, end) and not wide.blocked[wide.cell(*start)] and wide.clear(start, end):
                    return as_point(crate), as_point(crate + length * direction), angle
        return None

    def crate_position(self, world: TownWorld) -> np.ndarray:
        return world.simulation.position_of(world.layout.entities.index(self.crate))[:2]

    def check(self, world: TownWorld) -> tuple[float, bool]:
        done = bool(np.hypot(*(self.crate_position(world) - (self.mark.x, self.mark.y))) < self.REACH)
        return float(done), done

    def goal(self, world: TownWorld) -> Point:
        return as_point(self.crate_position(world))


def _grown(blocked: np.ndarray, cells: int) -> np.ndarray:
    """The blocked cells and those within so many steps of them."""
    grown = blocked.copy()
    for _ in range(cells):
        padded = np.pad(grown, 1, constant_values=True)
        grown = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return grown


def _level(layout: Layout, start: Point, end: Point) -> bool:
    """Whether the ground between two points is about level."""
    line = np.array(start) + (np.array(end) - np.array(start)) * np.linspace(0, 1, 7)[:, None]
    return float(np.ptp([layout.terrain.height(*point) for point in line])) < 0.25
