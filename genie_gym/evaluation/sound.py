"""Is a row still sound after a minute in which things happen, and is it what it is alone?

Legend: B rows, R real frames, S statistics, H W image, h w the same made small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import frame_statistics, interval
from genie_gym.progress import progress
from genie_gym.rollout import row_seeds
from genie_gym.text.chance import any_event
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.world import ACTION_PRIOR, AnySize, Start, TakesEvents, TellsSpecs, World, WorldState, at_size

SHARE = 1 / 4  # of `clips`: rows
SECONDS, SOON = 60, 24  # that rows are played; steps after which they are looked at first
A_MINUTE = 6.0  # events, in each row
SMALL = (45, 80)  # frames that are drawn
USUAL = 0.99  # the share of real frames that count as usual
NEAREST = 0.3  # metres: nearer than that a frame shows nothing
ALONE = 2  # rows that are played once more, alone
REAL = 1024  # frames

Happened = list[tuple[int, Event]]


def sound(evaluation: Evaluation) -> dict[str, Any]:
    """sound_share_1440, of rows with random prompts, in which random events happen, and whose walkers do what the prior
    draws: the share that are sound after a minute. Their depth and pose are finite numbers, they do not stare at a wall, and
    brightness, contrast and edges are no farther from those of real frames than `USUAL` of real frames are;
    sound_share_first, after `SOON` steps; sound_share_real, of real frames of other episodes. rows_alone_equal: the share of
    rows that are the same to the bit when played alone, of `ALONE`."""
    world = evaluation.world
    takes = isinstance(world, TakesEvents) and isinstance(world, TellsSpecs) and isinstance(world, AnySize)
    if not takes or world.vocabulary is None or not world.imagines_starts or ACTION_PRIOR not in world.extras:
        return {NOTES: ["soundness was not measured: it needs a world of prompts and events, with a prior"]}
    small = at_size(world, SMALL)
    usual = _Usual(_shrunk(torch.cat([evaluation.clips(32, 1)[:, 0] for _ in range(REAL // 32)])))
    rows = max(2, int(evaluation.config.clips * SHARE))
    specs = [world.vocabulary.random(evaluation.rng) for _ in range(rows)]
    seeds = row_seeds(evaluation.config.seed, rows)
    state, events = _begin(small, specs, seeds), [list[tuple[int, Event]]() for _ in range(rows)]
    found: dict[str, Any] = {}
    for step in progress(range(1, round(SECONDS * world.fps) + 1), desc="a minute", unit="step"):
        for row in np.flatnonzero(evaluation.rng.random(rows) < A_MINUTE / 60 / world.fps).tolist():
            event = any_event(evaluation.rng, small.specs(state.select([row]))[0], world.vocabulary)  # type: ignore[attr-defined]
            if _happens(small, state, row, event):
                events[row].append((step, event))
        state, _ = small.step(state, state.extras[ACTION_PRIOR])
        if step == SOON:
            found["sound_share_first"] = float(usual.sound(state).mean())
    well = usual.sound(state)
    found |= {
        "sound_share_1440": float(well.mean()), "sound_share_1440_interval": interval(well.astype(float)),
        "sound_share_real": usual.share_real, "sound_events": sum(map(len, events)),
    }  # fmt: skip
    chosen = np.linspace(0, rows - 1, min(ALONE, rows)).astype(int).tolist()
    same = [_is_same_alone(small, specs[row], seeds[row : row + 1], events[row], state, row) for row in chosen]
    return found | {"rows_alone_equal": float(np.mean(same))}


class _Usual:
    """What is usual, by real frames: half of them say what, the other half how often they are themselves."""

    def __init__(self, real: UInt8[Tensor, "R H W 3"]):
        told = frame_statistics(real)
        self.mean, self.spread = told[::2].mean(0), told[::2].std(0) + 1e-8
        self.limit = float(np.quantile(self._away(told[::2]), USUAL))
        self.share_real = float((self._away(told[1::2]) <= self.limit).mean())

    def sound(self, state: WorldState) -> Bool[np.ndarray, " B"]:
        """Which rows are sound now."""
        depth, pose = state.extras["depth"].cpu(), state.extras["pose"].cpu()
        finite = torch.isfinite(depth).flatten(1).all(1) & torch.isfinite(pose).flatten(1).all(1)
        far = depth.flatten(1).median(1).values > NEAREST
        return np.asarray((finite & far).numpy() & (self._away(frame_statistics(state.frames.cpu())) <= self.limit))

    def _away(self, told: Float[np.ndarray, "B S"]) -> Float[np.ndarray, " B"]:
        return np.asarray(np.abs((told - self.mean) / self.spread).max(1))


def _shrunk(frames: UInt8[Tensor, "R H W 3"]) -> UInt8[Tensor, "R h w 3"]:
    image = F.interpolate(frames.movedim(-1, 1).float(), SMALL, mode="area")
    return image.round().to(torch.uint8).movedim(1, -1)


def _begin(world: World, specs: list[WorldSpec], seeds: Tensor) -> WorldState:
    prompts = [Prompt(spec, "", Report()) for spec in specs]
    return world.reset(seeds.to(world.device), Start(prompts=prompts))


def _happens(world: World, state: WorldState, row: int, event: Event) -> bool:
    """Whether an event can happen in a row; then it does, in place."""
    assert isinstance(world, TakesEvents)
    try:
        state.put(torch.tensor([row]), world.apply_events(state.select([row]), [event]))
    except GenieGymError:
        return False
    return True


def _is_same_alone(world: World, spec: WorldSpec, seed: Tensor, events: Happened, state: WorldState, row: int) -> bool:
    """Whether a row that is played alone, with the same events, ends in the same frame and place."""
    alone, due = _begin(world, [spec], seed), dict[int, list[Event]]()
    for step, event in events:
        due.setdefault(step, []).append(event)
    for step in progress(range(1, round(SECONDS * world.fps) + 1), desc="alone", unit="step", leave=False):
        for event in due.get(step, ()):
            _happens(world, alone, 0, event)
        alone, _ = world.step(alone, alone.extras[ACTION_PRIOR])
    same = [torch.equal(alone.frames[0], state.frames[row])]
    same += [torch.equal(alone.extras[name][0], state.extras[name][row]) for name in ("depth", "pose")]
    return all(same)
