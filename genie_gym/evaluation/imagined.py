"""`genie-gym imagine`: a clip of what a world makes of a prompt or an image.

Legend: T frames, H W image.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.errors import GenieGymError, check_name
from genie_gym.evaluation.overlays import OVERLAYS, make_painter
from genie_gym.imagine import Moves, begin, check_count, read_moves, read_prompt, sticky_moves, walk
from genie_gym.keyboard import parse_moves
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.rows import as_seed
from genie_gym.text.tokens import Report
from genie_gym.visual import check_clip_name, fit, read_image, save_clip
from genie_gym.world import TakesKeys, World

STEPS = 100  # where nothing else is said
MOST_SCALE, MOST_BYTES = 16, 2_000_000_000  # of a clip in memory
FILES = (".json", ".npy")


@dataclass(frozen=True)
class ClipConfig:
    """What a clip shows.

    Attributes:
        prompt, image: what it begins from, one of them; without, a start of the world's own.
        actions: moves in one line ("w*24 a*12"), or a .json or .npy file of them; else `steps` of the sticky policy.
        steps: how many; 100 if None. seed: of world and moves. overlay: of `evaluation.overlays`.
        scale: how many times larger frames are shown.
    """

    prompt: str | None = None
    image: Path | None = None
    actions: str | None = None
    steps: int | None = None
    seed: int = 0
    overlay: tuple[str, ...] = ()
    scale: int = 4


def imagine_clip(world: str | Path | World, config: ClipConfig, out: str | Path, device: str = "auto") -> list[str]:
    """Writes what is seen from the start on, T frames, to `out`: .mp4, .gif, or .png (up to 16 of the frames side by side).
    What does not depend on the world (as `load_world` takes it) is checked before that is loaded.

    Returns:
        What became of the prompt, and what was played, in sentences.

    Raises:
        GenieGymError: for anything that this world cannot begin from, play, or draw.
    """
    check_clip_name(out)
    if not 1 <= config.scale <= MOST_SCALE:
        raise GenieGymError(f"scale is a whole number from 1 to {MOST_SCALE}; got {config.scale}.")
    if config.prompt is not None and config.image is not None:
        raise GenieGymError("give a prompt or an image to begin from, not both.")
    for name in config.overlay:
        check_name("overlay", name, OVERLAYS)
    given, steps, seed = _given_moves(config), STEPS if config.steps is None else config.steps, as_seed(config.seed)
    check_count(steps)
    picture = None if config.image is None else read_image(config.image)
    world = load_world(world, device)
    prompt = None if config.prompt is None else read_prompt(world, config.prompt)
    image = None if picture is None else fit(picture, world.frame_shape[:2])
    moves = sticky_moves(world, steps, [seed]) if given is None else read_moves(world, given)
    paint = make_painter(world, config.overlay, config.scale)
    states = walk(world, begin(world, config.seed, image, prompt), moves)
    first = paint(next(states))
    if first.nbytes * (len(moves) + 1) > MOST_BYTES:
        height, width = first.shape[:2]
        raise GenieGymError(f"{len(moves):,} steps of {width}x{height} pixels are too large a clip; lower scale or steps.")
    pictures = [first, *map(paint, progress(states, desc="imagine", unit="step", total=len(moves)))]
    save_clip(out, np.stack(pictures), world.fps)
    return ([] if prompt is None else told(prompt.report)) + [f"played: {played(world, moves)}"]


def told(report: Report) -> list[str]:
    """A report in lines."""
    parts = {"understood": report.understood, "ignored": report.ignored, "assumed": report.assumed}
    return [f"{name}: {'; '.join(lines)}" for name, lines in parts.items() if lines]


def played(world: World, moves: Moves) -> str:
    """The first row's moves in one line."""
    if not len(moves):
        return "nothing"
    if not moves.by_keys or not isinstance(world, TakesKeys):
        return f"{len(moves)} actions of the world's own"
    keys = moves.actions[0].numpy()
    bounds = np.flatnonzero(np.diff(keys, prepend=-1, append=-1))
    return ", ".join(f"{world.key_names[keys[a]]}*{b - a}" for a, b in pairwise(bounds.tolist()))


def load_actions(path: str | Path) -> Any:
    """What a .json or .npy file holds.

    Raises:
        GenieGymError: it is no such file.
    """
    try:
        if Path(path).suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return json.loads(Path(path).read_text())
    except (OSError, ValueError, EOFError) as error:
        raise GenieGymError(f"cannot read moves from {str(path)!r}: {error}.") from error


def _given_moves(config: ClipConfig) -> Any:
    """As `read_moves` takes them; None where they are to be chosen."""
    if config.actions is None:
        return None
    if config.steps is not None:
        raise GenieGymError("steps says how many moves are chosen for you; leave it out where you give actions.")
    return load_actions(config.actions) if config.actions.endswith(FILES) else parse_moves(config.actions)
