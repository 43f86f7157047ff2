"""Contact sheets of a world: what it imagines beside what was real, and what each of its actions does.

Legend: B clips, T time, H W image.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.judge import judge
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.rollout import infer_actions, rollout, rollout_from, row_seeds
from genie_gym.visual import check_clip_name, grid, save_clip, save_png
from genie_gym.world import InfersActions, Rebuilds, Start, World, WorldState

Rows = tuple[list[np.ndarray], list[str]]


def comparison_rows(world: World, clips: Tensor) -> Rows:
    """For each real clip [B, T, H, W, 3]: real, rebuilt (by worlds that do), and imagined from its first frame with the
    inferred actions."""
    clips = clips.to(world.device)
    shown = {"real": clips}
    if isinstance(world, Rebuilds):
        shown["rebuilt"] = world.rebuild(clips)
    shown["imagined"] = rollout(world, clips[:, 0], infer_actions(world, clips))
    rows = torch.stack(list(shown.values()), dim=1).flatten(0, 1)
    return list(rows.cpu().numpy()), list(shown) * len(clips)


def held_action_rows(world: World, start: WorldState, frames: int) -> Rows:
    """From one state (a single row), each of the world's probes held."""
    probes = world.actions.probes()
    held = torch.stack(list(probes.values())).to(world.device)
    state = start.select(torch.zeros(len(probes), dtype=torch.int64))
    rows = rollout_from(world, state, held[:, None].expand(-1, frames, *held.shape[1:]))
    judgement = world.provenance.judgement
    does = {} if judgement is None else judgement.effects
    return list(rows.cpu().numpy()), [f"{name}: {does[name]}" if name in does else f"{name} held" for name in probes]


@torch.no_grad()
def control_sheet(world: World, clips: Tensor) -> np.ndarray:
    """Comparison rows for real clips [B, T, H, W, 3], then each action held from the first clip's start."""
    rows, labels = comparison_rows(world, clips)
    start = world.reset(row_seeds(0, 1).to(world.device), Start(frames=clips[:1, 0].to(world.device)))
    held, held_labels = held_action_rows(world, start, clips.shape[1] - 1)
    return grid(rows + held, labels=labels + held_labels)


@torch.no_grad()
def film(world: World, video: VideoDataset, frames: int, clips: int, scale: int, seed: int, title: str = "") -> np.ndarray:
    """Real clips in the upper row, below each what is imagined: uint8 [T, H, W, 3]."""
    real = torch.from_numpy(video.sample_clips(np.random.default_rng(seed), clips, frames + 1)).to(world.device)
    imagined = rollout(world, real[:, 0], infer_actions(world, real), seed, desc="imagine")
    pairs = torch.stack([real, imagined]).cpu().numpy()  # [2, B, T, H, W, 3]
    labels = ["real", "imagined"]
    return np.stack([grid(pairs[:, :, t], scale, gap=4, labels=labels, title=title) for t in range(frames + 1)])


@torch.no_grad()
def draw_sheet(
    world: str | Path | World,
    out: str | Path,
    data: str | Path | None,
    frames: int,
    starts: int,
    scale: int,
    seed: int = 0,
    every: int = 1,
    device: str = "auto",
) -> list[str]:
    """Writes a PNG: comparison rows where `data` gives real video, then each action held from each of `starts` starts; of
    all rows each `every`th frame.

    Where `out` ends in .gif or .mp4, it is a film instead: `starts` real clips, and below each what the world imagines from
    its first frame under the same actions. A world without a judgement of its own is judged on `data`.

    Returns:
        What is wrong with the world, in sentences: the picture's title.

    Raises:
        GenieGymError: for another kind of file, for numbers that cannot be, and for a film without `data`.
    """
    is_film = check_clip_name(out) != ".png"
    if min(frames, scale, every) < 1:
        raise GenieGymError(f"frames, scale and every are 1 or more; got {frames}, {scale} and {every}.")
    if starts < (1 if data is None or is_film else 0):
        raise GenieGymError(f"starts is 1 or more, or 0 for a picture of --data alone; got {starts}.")
    if is_film and data is None:
        raise GenieGymError("a film compares with real video; pass --data video.h5, or write a .png.")
    video = None if data is None else VideoDataset(data, preload_bytes=0)
    world = load_world(world, device)
    judgement = world.provenance.judgement
    if judgement is None and video is not None:
        judgement = judge(world, video, "the video given", seed=seed)
        world.provenance = replace(world.provenance, judgement=judgement)
    sentences = [] if judgement is None else judgement.sentences()
    title = "" if judgement is None else judgement.summary()
    if is_film:
        assert video is not None
        save_clip(out, film(world, video, frames, starts, scale, seed, title), world.fps)
        return sentences
    rows: list[np.ndarray] = []
    labels: list[str] = []
    start = Start()
    if video is not None:
        clips = torch.from_numpy(video.sample_clips(np.random.default_rng(seed), max(starts, 4), frames + 1))
        if isinstance(world, InfersActions):
            rows, labels = comparison_rows(world, clips)
        start = Start(frames=clips[:starts, 0].to(world.device)) if world.takes_frames else Start()
    if starts:
        states = world.reset(row_seeds(seed, starts).to(world.device), start)
        for index in progress(range(starts), desc="held actions", unit="start"):
            held, held_labels = held_action_rows(world, states.select(torch.tensor([index])), frames)
            rows, labels = rows + held, labels + held_labels
    save_png(out, grid([row[::every] for row in rows], scale=scale, labels=labels, title=title))
    return sentences
