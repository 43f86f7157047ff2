"""`genie-gym sheet --prompts`: what a world makes of each prompt, at first and on a walk.

Legend: T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.prompt_cases import LONG, wander_keys
from genie_gym.imagine import generate_playable, read_prompt
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
) -> list[str]:
    """Writes a PNG, a row a prompt: the first view, and each `every`th frame of `frames` steps of a walk: a quarter turn, a
    walk, a look all around (random actions of a world without a keyboard). Where `out` ends in .gif or .mp4, it is a film of
    these walks side by side instead.

    Args:
        size: (height, width) of the frames, of worlds that draw any (`genie_gym.world.AnySize`); None is the world's own.

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
    rows = [_walked(world, prompt, frames, seed + number)[::every] for number, prompt in enumerate(bar)]
    if is_film:
        save_clip(out, _side_by_side(rows, scale), world.fps / every)
    else:
        captions = [[f"step {step}" for step in range(0, frames + 1, every)]] * len(rows)
        save_png(out, grid(rows, scale, labels=[str(number + 1) for number in range(len(rows))], captions=captions))
    return [
        f"{number + 1}: {prompt}" + (f" (not followed: {'; '.join(report.ignored)})" if report.ignored else "")
        for number, (prompt, report) in enumerate(zip(prompts, reports, strict=True))
    ]


def _side_by_side(walks: Sequence[UInt8[np.ndarray, "T H W 3"]], scale: int) -> UInt8[np.ndarray, "T _ _ 3"]:
    """One film of several, `ABREAST` of them in a row."""
    rows = [range(first, min(first + ABREAST, len(walks))) for first in range(0, len(walks), ABREAST)]
    return np.stack([grid([np.stack([walks[k][t] for k in row]) for row in rows], scale) for t in range(len(walks[0]))])


def _walked(world: World, prompt: str, steps: int, seed: int) -> UInt8[np.ndarray, "T H W 3"]:
    keys = None
    if isinstance(world, TakesKeys):
        numbers = {name: number for number, name in enumerate(world.key_names)}
        keys = [world.key_names[number] for number in wander_keys(steps, numbers, np.random.default_rng(seed))]
    made = generate_playable(world, prompt, steps, keys, seed)
    return np.concatenate([made["init_frames"], made["action_responses"]])
