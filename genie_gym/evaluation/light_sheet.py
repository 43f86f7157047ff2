"""`genie-gym sheet --prompts … --lights`: each prompt's first view under every weather, and at every time of day.

Legend: H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from genie_gym.errors import GenieGymError
from genie_gym.imagine import begin, read_prompt
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import TIMES
from genie_gym.visual import grid, save_png
from genie_gym.world import World, at_size

NOON = 12.0


@torch.no_grad()
def draw_lights(
    world: str | Path | World,
    out: str | Path,
    prompts: Sequence[str],
    scale: int = 1,
    seed: int = 0,
    device: str = "auto",
    size: tuple[int, int] | None = None,
) -> list[str]:
    """Writes a PNG, a row a prompt: its first view at noon under every weather that the world has words for, then under the
    first of these at every time of day. Whatever weather and hour the prompt asks for does not count.

    Args:
        size: (height, width) of the frames, of worlds that draw any; None is the world's own.

    Returns:
        Which number is which prompt, a sentence each.

    Raises:
        GenieGymError: for another kind of file, and for worlds that compose no first views.
    """
    if Path(out).suffix != ".png" or scale < 1:
        raise GenieGymError(f"a sheet of lights is a .png, and scale is 1 or more; given {Path(out).name!r} and {scale}.")
    world = at_size(load_world(world, device), size)
    if world.vocabulary is None or not world.imagines_starts:
        raise GenieGymError(
            f"a {world.family} world does not make its first views by prompts; name one that does, as genie3."
        )
    weathers = world.vocabulary.weathers
    lights = [(name, NOON) for name in weathers] + [(weathers[0], hour) for hour in TIMES.values() if hour != NOON]
    names = [*weathers, *(name for name, hour in TIMES.items() if hour != NOON)]
    rows = []
    for number, text in enumerate(progress(prompts, desc="prompts", unit="prompt")):
        spec = read_prompt(world, text).spec
        asked = [Prompt(spec.replace(weather=weather, hour=hour)) for weather, hour in lights]
        views = [begin(world, seed + number, prompt=prompt).frames[0].cpu().numpy() for prompt in asked]
        rows.append(np.stack(views))
    labels = [str(number + 1) for number in range(len(rows))]
    save_png(out, grid(rows, scale, labels=labels, captions=[names] * len(rows)))
    return [f"{number + 1}: {text}" for number, text in enumerate(prompts)]
