"""`genie-gym sheet --blind`: recorded first views and composed ones of the same prompts, shuffled. Can one tell which is
which?

Legend: H W image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.first_views import paired_views
from genie_gym.evaluation.held_out import held_out_video
from genie_gym.evaluation.measure import EvaluateConfig, Evaluation, check_video, generator_of
from genie_gym.files import write_json
from genie_gym.pretrained import load_world
from genie_gym.visual import grid, save_png
from genie_gym.world import World

MOST, ABREAST = 96, 6  # views of each kind; in a row


@torch.no_grad()
def draw_blind(
    world: str | Path | World,
    out: str | Path,
    data: str | Path | None = None,
    views: int = 24,
    scale: int = 2,
    seed: int = 0,
    device: str = "auto",
) -> list[str]:
    """Writes a PNG of `views` recorded and as many composed first views, numbered and in random order, and beside it a JSON
    object: under "views" what each is, "real" or "composed", in the order of their numbers.

    Args:
        data: recorded video; None for held-out video of the world's own source, which is recorded once into the cache.

    Returns:
        Where the key lies, in a sentence.

    Raises:
        GenieGymError: for another kind of file, numbers that cannot be, worlds that compose no first views, and video that
            has too few or does not say what it shows.
    """
    out = Path(out)
    if out.suffix != ".png":
        raise GenieGymError(f"a blind sheet is a .png; given {out.name!r}.")
    if not 1 <= views <= MOST or scale < 1:
        raise GenieGymError(
            f"a blind sheet shows 1 to {MOST} views of each kind, and scale is 1 or more; got {views}, {scale}."
        )
    world = load_world(world, device)
    video = VideoDataset(held_out_video(world) if data is None else data)
    check_video(world, video)
    evaluation = Evaluation(world, video, EvaluateConfig(seed=seed), generator_of("blind", seed))
    pairs = paired_views(evaluation, views)
    if len(pairs[0]) < views:
        raise GenieGymError(f"the video shows {len(pairs[0])} worlds; {views} views of each kind need as many.")
    shown, kinds = torch.cat(pairs).numpy(), ["real"] * views + ["composed"] * views
    order = evaluation.rng.permutation(2 * views)
    lines = [order[k : k + ABREAST] for k in range(0, len(order), ABREAST)]
    captions = [
        [str(k + n + 1) for n in range(len(line))] for k, line in zip(range(0, len(order), ABREAST), lines, strict=True)
    ]
    save_png(out, grid([shown[line] for line in lines], scale, captions=captions))
    key = out.with_suffix(".json")
    write_json(key, {"views": [kinds[k] for k in order.tolist()]})
    return [f"{np.size(order)} views, half of them recorded; which are is in {key}"]
