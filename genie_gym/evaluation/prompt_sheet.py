"""`genie-gym sheet --prompts`: what a world makes of each prompt, at first and on a walk.

Legend: T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.prompt_cases import LONG, wander_keys
from genie_gym.imagine import generate_playable, read_prompt
from genie_gym.keyboard import key_numbers, parse_moves
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.visual import check_clip_name, grid, save_clip, save_png
from genie_gym.world import TakesKeys, World, at_size

ABREAST = 3  # walks in a row of a film


def draw_prompts(
    world: str | Path | World,
    out: str | Path,
    prompts: Sequence[str],
    frames: int,
    every: int,
    scale: int,
    seed: int = 0,
    device: str = "auto",
    size: tuple[int, int] | None = None,
    events: Mapping[int, str] | None = None,
    actions: str | None = None,
) -> list[str]:
    """Writes a PNG, a row a prompt: the first view, and each `every`th frame of `frames` steps of a walk: a quarter turn, a
    walk, a look all around (random actions of a world without a keyboard). Where `out` ends in .gif or .mp4, it is a film of
    these walks side by side instead.

    Args:
        size: (height, width) of the frames, of worlds that draw any (`genie_gym.world.AnySize`); None is the world's own.
        events: what happens in which step, as texts, in worlds in which something can.
        actions: the moves of the walk in one line, as `genie_gym.keyboard.parse_moves` reads it; those that lack are rest.

    Returns:
        Which number is which prompt, and what became of it: a sentence each.

    Raises:
        GenieGymError: for another kind of file, numbers that cannot be, and prompts that the world cannot begin with.
    """
    is_film = check_clip_name(out) != ".png"
    if not 1 <= frames <= LONG or every < 1 or scale < 1:
        raise GenieGymError(f"prompts are walked for 1 to {LONG} steps, every and scale are 1 or more; "
                            f"got {frames}, {every} and {scale}.")  # fmt: skip
    world = at_size(load_world(world, device), size)
    reports = [read_prompt(world, prompt).report for prompt in prompts]  # all of them, before any is walked
    bar = progress(prompts, desc="prompts", unit="prompt")
    due = [] if events is None else list(events.items())
    rows = [_walked(world, prompt, frames, seed + number, due, actions)[::every] for number, prompt in enumerate(bar)]
    if is_film:
        save_clip(out, _side_by_side(rows, scale), world.fps / every)
    else:
        happens = {-(-step // every) * every: text for step, text in due}
        captions = [[happens.get(step, f"step {step}") for step in range(0, frames + 1, every)]] * len(rows)
        save_png(out, grid(rows, scale, labels=[str(number + 1) for number in range(len(rows))], captions=captions))
    return [
        f"{number + 1}: {prompt}" + (f" (not followed: {'; '.join(report.ignored)})" if report.ignored else "")
        for number, (prompt, report) in enumerate(zip(prompts, reports, strict=True))
    ]


def _side_by_side(walks: Sequence[UInt8[np.ndarray, "T H W 3"]], scale: int) -> UInt8[np.ndarray, "T _ _ 3"]:
    """One film of several, `ABREAST` of them in a row."""
    rows = [range(first, min(first + ABREAST, len(walks))) for first in range(0, len(walks), ABREAST)]
    return np.stack([grid([np.stack([walks[k][t] for k in row]) for row in rows], scale) for t in range(len(walks[0]))])


def _walked(
    world: World, prompt: str, steps: int, seed: int, due: Sequence[tuple[int, str]], actions: str | None
) -> UInt8[np.ndarray, "T H W 3"]:
    """The first view and what follows from the moves; the same as an environment with this seed shows."""
    moves: Any = None
    if actions is not None:
        moves = [*parse_moves(actions), *["noop"] * steps][:steps]
    elif isinstance(world, TakesKeys):
        numbers = {name: number for number, name in enumerate(world.key_names)}
        moves = [world.key_names[number] for number in wander_keys(steps, numbers, np.random.default_rng(seed))]
    if not due:
        made = generate_playable(world, prompt, steps, moves, seed)
        return np.concatenate([made["init_frames"], made["action_responses"]])
    if not isinstance(world, TakesKeys) or moves is None:
        raise GenieGymError(f"a {world.family} world understands no keyboard; its walks with events cannot be drawn.")
    envs = GenieVectorEnv(1, world, prompt=prompt, events=due, action_mode="keyboard", autoreset_mode="DISABLED")
    frames = [envs.reset(seed=seed)[0]] + [envs.step(np.array([key]))[0] for key in key_numbers(moves, world.key_names)]
    if refused := [happened.refused for happened in envs.event_logs[0] if happened.refused]:
        raise GenieGymError(f"this could not happen after {prompt!r}: {refused[0]}")
    return np.concatenate(frames)
