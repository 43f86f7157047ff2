"""Scripted policies that know the map and press keys: one wanders and looks around, one solves the task. Two do not
walk: they see the place from one standpoint after another, around the start or all of it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from genie_gym.envs.sim.town import keys
from genie_gym.envs.sim.town.agent import MAX_PITCH, TURN
from genie_gym.envs.sim.town.build import CONTROL_HZ
from genie_gym.envs.sim.town.goals import FIND_REACH
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.place import place_of
from genie_gym.envs.sim.town.plane import Point, as_point, heading_of, wrap_angle
from genie_gym.envs.sim.town.tasks import Find, PushCrate, Task
from genie_gym.envs.sim.town.viewpoints import LEVEL_SHARE, Viewpoints
from genie_gym.envs.sim.town.world import TownWorld

_STEP = float(TURN) / CONTROL_HZ  # radians that one turn action makes
SEEN_BEFORE = (5.0, 60.0)  # seconds ago
SURVEYED = 20.0  # metres on foot


@runtime_checkable
class Episode(Protocol):
    """What a scripted policy is told about the environment that it acts in."""

    continuous: bool
    task: Task | None

    @property
    def world(self) -> TownWorld: ...


class _Walker:
    """Walks to points along free ways, and gets out of tight corners."""

    def __init__(self, env: Episode, rng: np.random.Generator):
        self.env, self.rng = env, rng

    def begin(self) -> None:
        self.layout: Any = None
        self.grid: NavigationGrid | None = None
        self.goal: Point | None = None
        self.escape: list[int] = []
        self.trail: list[np.ndarray] = []
        self.refreshed = 0

    @property
    def world(self) -> TownWorld:
        return self.env.world

    def _action(self, key: int) -> Any:
        return keys.KEYS[key].copy() if self.env.continuous else key

    def _map(self) -> NavigationGrid:
        """The grid with movable things where they are now, renewed every three seconds and in each new layout."""
        if self.grid is None or self.layout is not self.world.layout or self.world.steps - self.refreshed > 3 * CONTROL_HZ:
            self.layout, self.refreshed = self.world.layout, self.world.steps
            self.grid = self._current_grid()
            self.goal = None
        return self.grid

    def _current_grid(self) -> NavigationGrid:
        simulation, moved = self.world.simulation, {}
        for index in simulation.built.movable:
            x, y, z = (float(c) for c in simulation.position_of(index))
            if index != self.world.agent.carrying and self._avoids(index) and z < self.world.position[2] + 1.2:
                real, _, _, upright = simulation.data.xquat[simulation.body_of[index]]
                moved[index] = (x, y, 2 * float(np.arctan2(upright, real)))
        return NavigationGrid.of(self.world.layout, moved)

    def _avoids(self, index: int) -> bool:
        return True

    def towards(self, goal: Point, straight: bool = False) -> int:
        """The key that brings the agent nearer to a point."""
        if self.escape:
            return self.escape.pop()
        x, y = as_point(self.world.position)
        if self._stuck(x, y):
            side = keys.STRAFE_LEFT if self.rng.random() < 0.5 else keys.STRAFE_RIGHT
            self.escape = [side] * int(self.rng.integers(6, 16)) + [keys.BACK] * int(self.rng.integers(3, 9))
            if self.rng.random() < 0.3:
                self.escape += [keys.FORWARD] * 5 + [keys.JUMP]
            return self.escape.pop()
        grid = self._map()
        if straight:
            target = goal
        else:
            if self.goal is None or np.hypot(self.goal[0] - goal[0], self.goal[1] - goal[1]) > 0.5:
                self.goal, self.way = goal, grid.distances(*goal)
            near = np.hypot(goal[0] - x, goal[1] - y) < 1.6  # the last steps: straight on, through what is light enough
            target = goal if near else grid.next_point(self.way, x, y)
        turn = self.turn_to(target, 0.6 * _STEP if straight else 1.1 * _STEP)
        return keys.FORWARD if turn is None else turn

    def turn_to(self, point: Point, tolerance: float) -> int | None:
        """The key that turns towards a point; None where the agent looks there already."""
        error = wrap_angle(heading_of(np.array(point) - self.world.position[:2]) - self.world.agent.yaw)
        return None if abs(error) <= tolerance else keys.LEFT if error > 0 else keys.RIGHT

    def _stuck(self, x: float, y: float) -> bool:
        """No progress for a second and a half in spite of turning done."""
        self.trail.append(np.array([x, y, self.world.agent.yaw]))
        self.trail = self.trail[-36:]
        if len(self.trail) < 36:
            return False
        recent = np.array(self.trail)
        still = np.ptp(recent[:, :2], axis=0).max() < 0.25 and np.abs(np.diff(recent[:, 2])).sum() < 12 * _STEP
        if still:
            self.trail = []
        return bool(still)


class Wander(_Walker):
    """Goes from place to place, often back to one seen 5 to 60 seconds before; turns away and back on the way; picks things
    up, jumps and looks up and down now and then."""

    def begin(self) -> None:
        super().begin()
        self.visited: list[tuple[float, Point]] = []
        self.aim: Point | None = None
        self.queue: list[int] = []

    def act(self) -> Any:
        if self.queue:
            return self._action(self.queue.pop())
        if self.layout is not self.world.layout:  # a new scene: no place in it was seen before
            self.visited, self.aim = [], None
        x, y = as_point(self.world.position)
        now = self.world.steps / CONTROL_HZ
        if not self.visited or now - self.visited[-1][0] > 1.0:
            self.visited.append((now, (x, y)))
        if self.aim is None or np.hypot(self.aim[0] - x, self.aim[1] - y) < 0.9:
            self.aim = self._next_aim(now, x, y)
            self.queue = self._look_around()
        if self.rng.random() < 0.006:
            self.queue = self._look_around()
        elif self.rng.random() < 0.006:
            self.queue = self._fidget()
        if self.queue:
            return self._action(self.queue.pop())
        return self._action(self.towards(self.aim))

    def _next_aim(self, now: float, x: float, y: float) -> Point:
        grid = self._map()
        known = [place for time, place in self.visited if SEEN_BEFORE[0] <= now - time <= SEEN_BEFORE[1]]
        known = [place for place in known if np.hypot(place[0] - x, place[1] - y) > 2]
        if known and self.rng.random() < 0.5:
            return known[int(self.rng.integers(len(known)))]
        distances = grid.distances(x, y)
        near = grid.points(np.argwhere(np.isfinite(distances) & (distances > 4) & (distances < 16)))
        if not len(near):
            return x, y
        return as_point(near[int(self.rng.integers(len(near)))])

    def _look_around(self) -> list[int]:
        """Turns away by 40 to 180 degrees, rests, and (mostly) turns back."""
        steps = int(self.rng.integers(8, 37))
        way, back = (keys.LEFT, keys.RIGHT) if self.rng.random() < 0.5 else (keys.RIGHT, keys.LEFT)
        turns = [way] * steps + [keys.NOOP] * int(self.rng.integers(0, 12))
        return turns if self.rng.random() < 0.3 else [back] * steps + turns[::-1]

    def _fidget(self) -> list[int]:
        kind = self.rng.integers(4)
        if kind == 0:
            return [keys.FORWARD] * 8 + [keys.JUMP]
        if kind == 1:
            n = int(self.rng.integers(4, 12))
            up, down = (keys.UP, keys.DOWN) if self.rng.random() < 0.5 else (keys.DOWN, keys.UP)
            return [down] * n + [keys.NOOP] * 4 + [up] * n
        if kind == 2:
            return [keys.NOOP, keys.INTERACT]
        return [int(self.rng.choice([keys.STRAFE_LEFT, keys.STRAFE_RIGHT, keys.BACK]))] * int(self.rng.integers(4, 14))


class Expert(_Walker):
    """Solves the task of its world; without a task it wanders."""

    def begin(self) -> None:
        super().begin()
        self.wander = Wander(self.env, self.rng)
        self.wander.begin()
        self.pushing = False

    def act(self) -> Any:
        task = self.env.task
        if task is None:
            return self.wander.act()
        if isinstance(task, PushCrate):
            return self._action(self._push(task))
        if isinstance(task, Find):
            return self._action(self._find(task))
        return self._action(self.towards(task.goal(self.world)))

    def _avoids(self, index: int) -> bool:
        task = self.env.task
        return not (isinstance(task, Find) and self.world.layout.entities[index] in task.targets)

    def _find(self, task: Find) -> int:
        goal = task.goal(self.world)
        if min(task.edge_distance(self.world, target) for target in task.targets) < FIND_REACH - 0.3:
            turn = self.turn_to(goal, _STEP)
            return keys.NOOP if turn is None else turn
        return self.towards(goal)

    def _push(self, task: PushCrate) -> int:
        """Gets behind the crate, in line with the mark, and walks; goes round again when the crate slips aside."""
        crate, mark = task.crate_position(self.world), np.array([task.mark.x, task.mark.y])
        here = self.world.position[:2]
        way = mark - crate
        way = way / max(float(np.hypot(*way)), 1e-6)
        offset = here - crate
        behind, aside = float(-offset @ way), float(offset @ np.array([-way[1], way[0]]))
        ready = crate - 1.35 * way
        if self.pushing:
            self.pushing = 0.4 < behind < 2.2 and abs(aside) < 0.3 + 0.1 * max(behind - 0.8, 0)
        else:
            self.pushing = 0.6 < behind < 2.2 and abs(aside) < 0.15
        if self.pushing and not self.escape:
            # Aims a little to the other side of the crate's centre, which turns it back in line.
            return self.towards(as_point(crate + 0.6 * way - 1.2 * aside * np.array([-way[1], way[0]])), straight=True)
        straight = bool(np.hypot(*(here - ready)) < 1.2 and behind > 0.7)
        return self.towards(as_point(ready), straight)


class Survey(_Walker):
    """Is set down somewhere else each step: at a free place within `SURVEYED` of where the episode began, looking anywhere.
    Single frames of many places, near walls too, show more than as many frames of a walk; they are no walk."""

    def begin(self) -> None:
        super().begin()
        self.distances: np.ndarray | None = None

    def act(self) -> Any:
        world = self.world
        if self.distances is None or self.layout is not world.layout:
            self.layout = world.layout
            self.distances = world.grid.distances(*as_point(world.position))
        within = self._current_grid()
        cells = np.argwhere((self.distances < SURVEYED) & ~within.blocked)
        if len(cells):
            x, y = within.points(cells[[self.rng.integers(len(cells))]])[0]
            level = self.rng.random() < LEVEL_SHARE
            pitch = 0.0 if level else float(self.rng.uniform(-MAX_PITCH, MAX_PITCH))
            world.agent.set_down((float(x), float(y), float(self.rng.uniform(-np.pi, np.pi))), pitch)
        return self._action(keys.NOOP)


class Explore(_Walker):
    """Is set down somewhere else each step, anywhere in the world that one can get to: often 1.5 to 6 m before a side of a
    thing, looking at it, so that everything is seen from near; else looking anywhere. It is no walk either."""

    def begin(self) -> None:
        super().begin()
        self.views: Viewpoints | None = None
        self.seen: Any = None

    def act(self) -> Any:
        world, grid = self.world, self._map()
        if self.views is None or self.seen is not world.layout:
            self.seen = world.layout
            reachable = np.isfinite(world.grid.distances(*as_point(world.position)))
            self.views = Viewpoints(place_of(world.layout), reachable, self.rng)
        view = self.views.next(grid)
        if view is not None:
            world.agent.set_down(*view)
        return self._action(keys.NOOP)


DRIVERS: dict[str, type[Wander | Expert | Survey | Explore]] = {
    "wander": Wander,
    "expert": Expert,
    "survey": Survey,
    "explore": Explore,
}
