"""Video that a world never learned from: another recording of its own source, on held-out levels or seeds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from genie_gym.datasets.record import record
from genie_gym.datasets.recording import Recording
from genie_gym.errors import GenieGymError
from genie_gym.files import alone, cache_folder
from genie_gym.rollout import as_inferring
from genie_gym.world import World

FRAMES = 30_000
PLACE_STEPS = 150  # that episodes have at most for worlds that begin in places: longer than any clip
FRAMES_A_LAYOUT = 50  # of frames that are recorded for such worlds, for each layout that is not filmed


def held_out_video(world: World, num_frames: int = FRAMES, cache: str | Path | None = None) -> Path:
    """A video file of the world's own source, as it was recorded then, at the world's size, with the ground truth that it is
    evaluated on (`World.truth`). Recorded once into `cache`. For worlds that begin in places, short episodes in many places,
    and layouts that are not filmed.

    Raises:
        GenieGymError: the world was learned from video files, or by something that does not say from what.
    """
    if world.takes_frames:
        as_inferring(world)  # before anything is recorded that could not be used
    if world.provenance.source.get("kind") != "gymnasium":
        raise GenieGymError("this world was not learned from a simulator that can be played; pass --data held_out.h5.")
    recording = Recording.like(
        world.provenance.source, size=tuple(world.frame_shape[:2]), truth=world.truth, seed=1, held_out=True
    )
    num_layouts = 0
    if world.takes_places:  # what counts is then how many places there are, not how long one walks in each
        recording = replace(recording, max_episode_steps=min(recording.max_episode_steps or PLACE_STEPS, PLACE_STEPS))
        num_layouts = num_frames // FRAMES_A_LAYOUT
    folder = Path(cache) if cache else cache_folder()
    told = json.dumps([recording.source, num_frames, *world.truth, *filter(None, [num_layouts])], sort_keys=True)
    path = folder / f"held-out-{recording.env_id.replace('/', '-')}-{hashlib.sha256(told.encode()).hexdigest()[:8]}.h5"
    with alone(path):  # two evaluations at once record it once
        if not path.exists():
            record(recording, path, num_frames, resume=True, num_layouts=num_layouts)
    return path
