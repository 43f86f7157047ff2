"""Can what a world asks for be done, and not by chance? Whole episodes of its tasks, in places that it makes, played by an
expert who knows the map and by random keys.

Legend: B episodes, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Int

from genie_gym.actions import sticky_actions
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval
from genie_gym.evaluation.place import as_place, parts
from genie_gym.evaluation.tasks import STICKY
from genie_gym.progress import progress
from genie_gym.rollout import row_seeds
from genie_gym.world import AnySize, Start, World, WorldState, at_size, steps

SHARE = 1 / 4  # of `clips`: episodes of each player
STEPS = 480  # that an episode has at most: half of the goals are more than 30 m of walking away, which take 240
SMALL = (18, 32)  # frames of worlds that draw any: nobody looks at them


class Player(Protocol):
    """Presses keys."""

    def act(self, state: WorldState) -> Int[np.ndarray, " B"]:
        """The key that each row presses now."""


MakePlayer = Callable[[World, WorldState, Sequence[str], np.random.Generator], Player]
"""A player of rows at their beginning, each with a task."""


class Sticky:
    """Random keys, each held for some steps."""

    def __init__(self, world: World, state: WorldState, _: Sequence[str], rng: np.random.Generator):
        spec = as_place(world).keys
        self.keys = torch.stack([sticky_actions(spec, rng, STEPS, STICKY) for _ in range(state.num_rows)]).numpy()
        self.step = -1

    def act(self, _: WorldState) -> Int[np.ndarray, " B"]:
        self.step += 1
        return np.asarray(self.keys[:, self.step])


def task_episodes(evaluation: Evaluation, expert: MakePlayer, can_solve: Callable[[World, str], bool]) -> dict[str, Any]:
    """task_expert_success and task_random_success, how often the expert and random keys are rewarded within `STEPS` steps;
    task_episodes, of how many episodes each: a quarter of `clips`, the tasks that the expert can solve in turn, everywhere
    that the world lays out."""
    world = evaluation.world
    tasks = [task for task in world.tasks if can_solve(world, task)]
    if not tasks or not world.places_goals:
        return {NOTES: ["tasks were not played: the world has none that its expert can solve"]}
    count = max(2, int(evaluation.config.clips * SHARE))
    asked = [tasks[k % len(tasks)] for k in range(count)]
    found: dict[str, Any] = {"task_episodes": count}
    players: tuple[tuple[str, MakePlayer], ...] = (("expert", expert), ("random", Sticky))
    for name, make in players:
        values = np.concatenate([_rewarded(evaluation, make, asked[span], span.start, name) for span in parts(count)])
        found |= {f"task_{name}_success": float(values.mean()), f"task_{name}_success_interval": interval(values)}
    poor = found["task_expert_success"] <= found["task_random_success"]
    return found | {NOTES: ["an expert of the tasks gets no more reward than random play"] if poor else []}


@torch.no_grad()
def _rewarded(evaluation: Evaluation, make: MakePlayer, tasks: Sequence[str], first: int, name: str) -> np.ndarray:
    """Whether each episode is rewarded: 0 or 1, [B]."""
    world = at_size(evaluation.world, SMALL) if isinstance(evaluation.world, AnySize) else evaluation.world
    seeds = row_seeds(evaluation.config.seed, first + len(tasks))[first:].to(world.device)
    state = world.reset(seeds, Start(tasks=list(tasks)))
    player, rewarded = make(world, state, tasks, evaluation.rng), np.zeros(len(tasks), bool)
    for _ in progress(range(STEPS), desc=f"tasks, {name}", unit="step"):
        keys = torch.from_numpy(player.act(state))[:, None]
        (step,) = steps(world, state, keys, by_keys=True)
        state, rewarded = step.state, rewarded | (step.prediction.rewards > 0).cpu().numpy()
        if rewarded.all():
            break
    return rewarded.astype(float)
