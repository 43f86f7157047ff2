"""What `genie-gym evaluate` measures of a Genie 3 world. It begins in places and in no frames: where something is compared
with a recording or with the simulator, it begins in the place that was recorded.

World steps at 128 clips: keyboard 1,536, walls 1,728, returns 11,528 and prompts 11,136: 25,928, of up to 16 rows at a time;
besides, 384 views and 128 layouts.

Legend: B rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.devices import full_precision
from genie_gym.evaluation.drift import AT, drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.first_views import first_views
from genie_gym.evaluation.flicker import flicker
from genie_gym.evaluation.keyboard import keyboard
from genie_gym.evaluation.layouts import layouts
from genie_gym.evaluation.light import light
from genie_gym.evaluation.measure import Measure
from genie_gym.evaluation.moments import Moment
from genie_gym.evaluation.prompts import prompts
from genie_gym.evaluation.returns import returns
from genie_gym.evaluation.task_episodes import task_episodes
from genie_gym.evaluation.walls import walls
from genie_gym.genie3.entering import condition_of
from genie_gym.genie3.expert import Expert, can_solve
from genie_gym.genie3.walker import Walker
from genie_gym.genie3.world import Genie3State, Genie3World
from genie_gym.places.shadows import cast
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start, World


@torch.no_grad()
def enter(world: World, moments: Sequence[Moment], seed: Int[Tensor, " B"]) -> Genie3State:
    """Rows in the places of moments: the camera where it was, walking as fast, under their weather, hour, gravity and
    friction."""
    assert isinstance(world, Genie3World)
    state = world.reset(seed, Start(places=[moment.entrance for moment in moments]))
    specs = [moment.spec or WorldSpec() for moment in moments]
    device = world.device
    condition = condition_of(specs, world.library).to(device)
    cast(state.things, state.ground, world.library, world.library.light.at(condition).sun)
    state = replace(
        state,
        condition=condition,
        gravity=torch.tensor([float(spec.gravity) for spec in specs], device=device),
        friction=torch.tensor([float(spec.friction) for spec in specs], device=device),
    )
    poses = [moment.pose for moment in moments if moment.pose is not None]
    if len(poses) == len(moments):
        walks = [np.zeros(3) if moment.velocity is None else moment.velocity for moment in moments]
        stands, walks_by = (torch.from_numpy(np.stack(values)).float().to(device) for values in (poses, walks))
        state = replace(state, walker=_walking(stands, walks_by, world.config.eye))
    with full_precision(device):
        return world.drawn(state)


def _walking(poses: Float[Tensor, "B 4 4"], velocity: Float[Tensor, "B 3"], eye: float) -> Walker:
    """Who looks by cameras of these poses, and walks with these velocities (metres a second), on the ground."""
    forward, down = poses[:, :3, 2], poses.new_tensor([0.0, 0.0, eye])
    walker = Walker.at(poses[:, :3, 3] - down, torch.atan2(forward[:, 1], forward[:, 0]))
    level = velocity * velocity.new_tensor([1.0, 1.0, 0.0])
    return replace(walker, pitch=torch.asin(forward[:, 2].clamp(-1, 1)), velocity=level)


MEASURES: tuple[Measure, ...] = (
    partial(fidelity, enter=enter),
    partial(keyboard, enter=enter),
    partial(walls, enter=enter),
    partial(returns, enter=enter),
    partial(drift, share=1 / 16, at=(*AT, 1440), enter=enter),
    partial(flicker, enter=enter),
    partial(light, enter=enter),
    partial(task_episodes, expert=Expert, can_solve=can_solve),
    first_views,
    layouts,
    prompts,
)
