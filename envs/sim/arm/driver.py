"""Scripted reach, push and pick for the arm."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any, Protocol, runtime_checkable

import numpy as np

from genie_gym.envs.sim.arm.model import LOWEST, STEP, TASKS, free_spot, inside


@runtime_checkable
class Table(Protocol):
    """What a scripted policy knows about the table that it acts on (`ArmEnv`)."""

    task: str | None
    objects: list[dict[str, Any]]
    goal: np.ndarray
    wanted: np.ndarray
    repeat: int

    @property
    def tip(self) -> np.ndarray: ...

    def object_position(self, index: int) -> np.ndarray: ...


class ArmDriver:
    """Scripted reach, push and pick, slightly noisy; "wander" strings random reaches, pushes and picks together."""

    def __init__(self, table: Table, name: str, rng: np.random.Generator):
        self.table, self.name, self.rng = table, name, rng
        self.stride = STEP * table.repeat  # metres that a full action moves the tip

    def begin(self) -> None:
        self.plan = self._forever()

    def act(self) -> np.ndarray:
        return next(self.plan)

    def _forever(self) -> Iterator[np.ndarray]:
        while True:
            name = str(self.rng.choice(TASKS)) if self.name == "wander" else self.name
            index = int(self.rng.integers(len(self.table.objects))) if self.name == "wander" else 0
            yield from {"reach": self._reach, "push": self._push, "pick": self._pick}[name](index)

    def _move(self, target: np.ndarray, grip: float, tolerance: float = 0.008, limit: int = 60) -> Iterator[np.ndarray]:
        for _ in range(limit):
            error = target - self.table.tip
            if np.linalg.norm(error) < tolerance:
                return
            move = np.clip((target - self.table.wanted) / self.stride, -1, 1) + self.rng.normal(0, 0.05, 3)
            yield np.array([*np.clip(move, -1, 1), grip], np.float32)

    def _hold(self, grip: float, ticks: int) -> Iterator[np.ndarray]:
        """For so many 24ths of a second."""
        for _ in range(ceil(ticks / self.table.repeat)):
            yield np.array([0, 0, 0, grip], np.float32)

    def _reach(self, index: int) -> Iterator[np.ndarray]:
        target = self.table.goal
        if self.table.task != "reach":
            target = np.array([*free_spot(self.rng, [], 0), self.rng.uniform(0.06, 0.22)])
        yield from self._move(inside(target), -1.0)
        yield from self._hold(-1.0, 4)

    def _push(self, index: int) -> Iterator[np.ndarray]:
        """With closed fingers: above and behind the object, down, forward to the goal; again if it slipped aside."""
        table = self.table
        place = table.object_position(index)[:2]
        goal = table.goal[:2] if table.task == "push" and index == 0 else free_spot(self.rng, [place], 0.08)
        way = (goal - place) / max(float(np.linalg.norm(goal - place)), 1e-6)
        half = table.objects[index]["half"][0]
        start = place - way * (half + 0.035)
        yield from self._move(np.array([*table.tip[:2], 0.12]), 1.0)
        yield from self._move(np.array([*start, 0.12]), 1.0)
        yield from self._move(np.array([*start, 0.022]), 1.0)
        for _ in range(60):
            place = table.object_position(index)[:2]
            left = float((goal - place) @ way)
            if left < 0.004:
                break
            aside = (place - table.tip[:2]) - ((place - table.tip[:2]) @ way) * way
            aim = table.tip[:2] + way * min(0.012 * table.repeat, left + 0.004) + 0.6 * aside
            move = np.clip((np.array([*aim, 0.022]) - table.wanted) / self.stride, -1, 1)
            yield np.array([*move, 1.0], np.float32)
        yield from self._move(np.array([*(table.tip[:2] - 0.02 * way), 0.12]), 1.0)

    def _pick(self, index: int) -> Iterator[np.ndarray]:
        table = self.table
        x, y, z = table.object_position(index)
        yield from self._move(np.array([*table.tip[:2], 0.12]), -1.0)
        yield from self._move(np.array([x, y, 0.12]), -1.0)
        yield from self._move(np.array([x, y, max(z * 0.8, LOWEST + 0.004)]), -1.0, tolerance=0.006)
        yield from self._hold(1.0, 12)
        yield from self._move(np.array([x, y, 0.2]), 1.0)
        yield from self._hold(1.0, 6)
        if table.task != "pick":
            drop = free_spot(self.rng, [], 0)
            yield from self._move(np.array([*drop, 0.15]), 1.0)
            yield from self._move(np.array([*drop, 0.04]), 1.0)
            yield from self._hold(-1.0, 6)
