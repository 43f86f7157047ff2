"""What `genie-gym evaluate` measures of a Genie 3 world. Where it is compared with a recording or with the simulator, it
begins in the place that was recorded; or, where it is asked what it makes of a picture, in a recorded frame.

World steps at 128 clips: ahead 2,304, fidelity 2,560, keyboard 1,536, walls 1,728, returns 11,528, drift 11,520, flicker
256, tasks 30,720 of tiny frames at most, the prior 7,680, events 8,144 and 23,040 of tiny frames, a minute with events
48,960 of small frames, and prompts 11,136: 161,112, of up to 32 rows at a time; besides, 384 views and 128 layouts.

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
from genie_gym.evaluation.ahead import ahead
from genie_gym.evaluation.drift import AT, drift
from genie_gym.evaluation.events import EVENTS, events
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
from genie_gym.evaluation.sound import sound
from genie_gym.evaluation.table import Row
from genie_gym.evaluation.task_episodes import task_episodes
from genie_gym.evaluation.walls import walls
from genie_gym.genie3.entering import condition_of
from genie_gym.genie3.expert import Expert, can_solve
from genie_gym.genie3.passing import Passing
from genie_gym.genie3.prior import action_prior
from genie_gym.genie3.state import Genie3State
from genie_gym.genie3.walker import Walker
from genie_gym.genie3.world import Genie3World
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
        passing=Passing.none(condition),
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
    ahead,
    partial(fidelity, enter=enter),
    partial(keyboard, enter=enter),
    partial(walls, enter=enter),
    partial(returns, enter=enter),
    partial(drift, share=1 / 16, at=(*AT, 1440), enter=enter),
    partial(flicker, enter=enter),
    partial(light, enter=enter),
    partial(task_episodes, expert=Expert, can_solve=can_solve),
    partial(action_prior, enter=enter),
    partial(events, enter=enter),
    sound,
    first_views,
    layouts,
    prompts,
)


ROWS: tuple[Row, ...] = (
    Row("keys: metres off after 24 steps in Town's own places, median", "pose_error_m_24", aim="0.5"),
    Row("… degrees off", "pose_error_deg_24", aim="5"),
    Row("share of walls that stop one", "wall_stop_rate", aim="at least 0.95"),
    Row("share of free ways on which one is stopped", "free_way_stop_rate", aim="at most 0.03"),
    Row("a picture as a start: ten frames under the actions read off the real ones, PSNR (copying the picture)",
        "rollout_psnr_10", "copy_last_psnr_10"),
    Row("… frame 48", "rollout_psnr_at_48", "copy_last_psnr_at_48"),
    Row("… surfaces that it shows, frame 10 (others)", "rollout_psnr_covered_10", "rollout_psnr_uncovered_10"),
    Row("… edges in what comes into view, of real ones (mist)", "sharpness_uncovered", "sharpness_uncovered_mist"),
    Row("… patch distance of that (between real ones)", "patch_distance_uncovered", "patch_distance_uncovered_real"),
    Row("ΔtPSNR(4): what latent actions control, dB", "delta_psnr_4", aim="2"),
    Row("Town's own places of worlds it never saw, drawn in their light, PSNR (in another view's light)",
        "light_psnr", "light_psnr_other"),
    *(Row(f"… {name}", f"light_psnr_{name}") for name in ("sunny", "rainy", "snowy", "foggy")),
    *(Row(f"… at {name}", f"light_psnr_{name}") for name in ("dawn", "day", "dusk", "night")),
    Row("back after 60 s where nothing moved, PSNR (the first frame)", "revisit_psnr_60s", "revisit_psnr_60s_copy", "60"),
    Row("drift: frames of a minute's last ten seconds, in standard deviations of real frames (the first frames)",
        "drift", "drift_frozen"),
    Row("flicker of what stands still, grey levels a step (Town's own frames)", "flicker", "flicker_real"),
    Row("edges of first views / of real ones of the same specs", "sharpness", aim="0.85 … 1.15"),
    Row("distance of patches from real ones of other worlds (between real ones)", "patch_distance", "patch_distance_real",
        "at most 1.3 times that"),
    Row("patches that a network tells from real ones; 0.5: none (real ones from slightly blurred ones)",
        "told_apart", "told_apart_control", "0.5"),
    Row("scene that the judge names right, first views (Town's)", "prompt_scene_accuracy", "prompt_scene_accuracy_real"),
    Row("… after 48 steps", "prompt_scene_accuracy_48", "prompt_scene_accuracy_48_real"),
    Row("weather", "prompt_weather_accuracy", "prompt_weather_accuracy_real"),
    Row("… after 48 steps", "prompt_weather_accuracy_48", "prompt_weather_accuracy_48_real"),
    Row("time of day", "prompt_time_accuracy", "prompt_time_accuracy_real"),
    Row("… after 48 steps", "prompt_time_accuracy_48", "prompt_time_accuracy_48_real"),
    Row("landmarks asked for that stand in the place", "prompt_landmark_present", aim="1"),
    Row("… that the judge sees within 300 steps (in Town)", "prompt_landmark_seen_300", "prompt_landmark_seen_300_real"),
    Row("tasks that an expert solves within 20 s (random keys)", "task_expert_success", "task_random_success"),
    Row("what recorded walkers do next: nats by the prior (by holding on as often as they do)",
        "prior_nats", "prior_repeat_nats"),
    Row("who walks by the prior: metres a second (recorded ones)", "prior_speed", "prior_speed_real"),
    Row("… degrees a second", "prior_turn", "prior_turn_real"),
    Row("… share of steps at a wall", "prior_at_wall", "prior_at_wall_real"),
    Row("events that show after a second (in Town, under the same judge)", "event_success", "event_success_real"),
    *(Row(f"… {name}", f"event_success_{name}", f"event_success_{name}_real") for name in EVENTS),
    Row("… after turning away and back", "event_success_back", "event_success_back_real"),
    Row("… after a minute in which one looks away", "event_persistence_60s"),
    Row("pixels that an added or removed thing does not concern, the same to the bit", "event_collateral_equal"),
    Row("how much higher one jumps on the moon (in Town)", "jump_ratio_low_gravity", "jump_ratio_low_gravity_real"),
    Row("rows that are sound after a minute with six random events (real frames, by the same rule)",
        "sound_share_1440", "sound_share_real"),
    Row("… that are the same to the bit when played alone", "rows_alone_equal", aim="1"),
    Row("layouts: scene named right by a judge of layouts (recorded ones)",
        "layout_scene_accuracy", "layout_scene_accuracy_real"),
    Row("… things that overlap", "layout_overlap_rate", "layout_overlap_rate_real"),
    Row("… ground within reach", "layout_reachable", "layout_reachable_real"),
    Row("… things asked for that are there", "layout_asked_for", aim="1"),
    Row("… how far the numbers of things of a class are off", "layout_counts_off"),
    Row("… metres that things lie apart from the most similar layout that it learned from (recorded ones of other worlds)",
        "nearest_training_layout", "nearest_training_layout_real"),
)  # fmt: skip
"""What a table of results shows."""
