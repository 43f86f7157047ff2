"""Real moments that worlds are compared from, out of recordings and scripted cases; and how a world begins at one: in its
frame, or, of worlds that take places, in its place.

Legend: B moments, H W image.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from genie_gym.datasets.layouts import unpack
from genie_gym.datasets.video import PLACE, Episode, VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import Evaluation
from genie_gym.evaluation.place import begin
from genie_gym.places.place import Place, Thing
from genie_gym.rollout import row_seeds
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start, World, WorldState

STAND = "stand"  # what a being does that stays where it is (`text.spec.BEHAVIOURS`)


@dataclass(frozen=True, eq=False)
class Moment:
    """What a camera showed at one moment, and as far as the source says so: its pose (camera to world), where everything
    stood then, what the world was like (weather, hour, gravity …), and how fast one walked (metres a second, as poses have
    their axes)."""

    frame: UInt8[np.ndarray, "H W 3"]
    pose: Float[np.ndarray, "4 4"] | None = None
    place: Place | None = None
    spec: WorldSpec | None = None
    velocity: Float[np.ndarray, " 3"] | None = None

    @property
    def entrance(self) -> Place | None:
        """The place, entered where the camera is."""
        if self.place is None or self.pose is None:
            return self.place
        x, y, _ = (float(value) for value in self.pose[:3, 3])
        return self.place.replace(spawn=(x, y, float(np.arctan2(self.pose[1, 2], self.pose[0, 2]))))

    def standing_still(self) -> Moment:
        """The same, in which beings go nowhere."""
        still = [dataclasses.replace(thing, behaviour=thing.behaviour and STAND) for thing in self._things]
        return self._with(*still)

    def without_what_moves(self) -> Moment:
        """The same without beings and what can be pushed."""
        return self._with(*(thing for thing in self._things if not thing.movable and thing.behaviour is None))

    @property
    def _things(self) -> tuple[Thing, ...]:
        return () if self.place is None else self.place.things

    def _with(self, *things: Thing) -> Moment:
        return self if self.place is None else dataclasses.replace(self, place=self.place.replace(things=things))


Enter = Callable[[World, Sequence[Moment], Tensor], WorldState]
"""Begins rows with these seeds [B] in the places of moments, as far as the family's worlds can be as those were."""


def begin_at(world: World, moments: Sequence[Moment], seed: int, enter: Enter | None = None) -> WorldState:
    """Rows that begin at real moments: in their places by `enter`; without it in their frames where the world takes frames,
    else in their places as `entered` has it.

    Raises:
        GenieGymError: for a place that the world does not take; `taken` says which it does.
    """
    if _in_frames(world, enter):
        return begin(world, torch.from_numpy(np.stack([moment.frame for moment in moments])), seed)
    return (enter or entered)(world, moments, row_seeds(seed, len(moments)).to(world.device))


def entered(world: World, moments: Sequence[Moment], seed: Int[Tensor, " B"]) -> WorldState:
    """In the places of moments, as any world that takes places can be: at rest where the camera was, level, and under the
    light that the world itself gives the place."""
    return world.reset(seed, Start(places=[moment.entrance for moment in moments]))


def taken(world: World, moments: Sequence[Moment], enter: Enter | None = None) -> list[int]:
    """The numbers of the moments that a world can begin at, by `begin_at`."""
    in_frames = _in_frames(world, enter)
    return [number for number, moment in enumerate(moments) if in_frames or _takes(world, moment.entrance)]


def _in_frames(world: World, enter: Enter | None) -> bool:
    return enter is None and world.takes_frames


def _takes(world: World, place: Place | None) -> bool:
    if place is None:
        return False
    try:
        world.check_start(Start(places=[place]), 1)
    except GenieGymError:
        return False
    return True


def left_out(count: int, total: int, what: str) -> list[str]:
    """What to say where a world takes `count` of `total` cases."""
    if count == total:
        return []
    if count == 0:
        return [f"{what} were not measured: where things stand is not known, or not drawn by the world"]
    return [f"{what} were measured on {count} of {total} cases: of the others the place is not known, or not drawn"]


def no_places(evaluation: Evaluation, what: str) -> list[str]:
    """Why `what` cannot be measured from recorded places, in one sentence; nothing where it can."""
    if evaluation.world.takes_places and len(evaluation.data) and evaluation.data.has_truth("pose", PLACE):
        return []
    return [f"{what} was not measured: it needs a world that begins in places, and video that says what stands where"]


def recorded(data: VideoDataset, episode: int, frame: int) -> Moment:
    """A frame of an episode with ground truth, before its first event."""
    return Moment(
        data.frames(episode, slice(frame, frame + 1))[0],
        data.truth(episode, "pose", slice(frame, frame + 1))[0],
        place_at(data, episode, frame),
        spec_of(data.description(episode).get("spec")),
        _velocity(data, episode, frame),
    )


def _velocity(data: VideoDataset, episode: int, frame: int) -> Float[np.ndarray, " 3"]:
    """By the step before; episodes begin at rest."""
    poses = data.truth(episode, "pose", slice(max(0, frame - 1), frame + 1))
    return np.asarray((poses[-1, :3, 3] - poses[0, :3, 3]) * data.fps)


def first_moments(evaluation: Evaluation, most: int) -> list[Moment]:
    """With which episodes begin, of at most so many, drawn at random."""
    data = evaluation.data
    chosen = evaluation.rng.permutation(len(data))[:most]
    return [recorded(data, int(episode), 0) for episode in chosen]


def spread_moments(evaluation: Evaluation, count: int) -> list[Moment]:
    """`count` of them, from as many episodes as there are, any frame before the first event equally likely."""
    data, rng = evaluation.data, evaluation.rng
    episodes = np.resize(rng.permutation(np.flatnonzero(data.calm > 0)), count)
    return [recorded(data, int(episode), int(rng.integers(data.calm[episode]))) for episode in episodes]


def place_at(data: VideoDataset, episode: int, frame: int) -> Place | None:
    """The place of an episode as it stands at a frame: what moves is where the recording's entities say, and is left out
    while it is not there. Where a recording has none, as at the beginning."""
    place = data.place(episode)
    if place is None or frame == 0 or not data.has_truth("entities"):
        return place
    begun, now = (data.truth(episode, "entities", slice(at, at + 1))[0] for at in (0, frame))
    followed, there = set(begun[:, 0].astype(int)), {int(row[0]): row for row in now}
    things = []
    for thing in place.things:
        row = there.get(-1 if thing.id is None else thing.id)
        if thing.id in followed and row is None:
            continue
        if row is not None and (thing.movable or thing.behaviour is not None):
            centre = (float(row[1]), float(row[2]), float(row[3]))
            thing = dataclasses.replace(thing, centre=centre, yaw=_heading(row[4:]))
        things.append(thing)
    return place.replace(things=tuple(things))


def _heading(rotation: np.ndarray) -> float:
    """Where the x axis points that a quaternion w x y z turns, seen from above."""
    w, x, y, z = (float(value) for value in rotation)
    return float(np.arctan2(2 * (x * y + w * z), w * w + x * x - y * y - z * z))


def looked_at(case: Episode) -> list[Moment]:
    """The looks of a scripted case."""
    poses, layouts = (case.truth.get(name, [None] * len(case.frames)) for name in ("pose", "layout"))
    return [_look(*look) for look in zip(case.frames, poses, layouts, strict=True)]


def _look(frame: np.ndarray, pose: np.ndarray | None, layout: np.ndarray | None) -> Moment:
    if layout is None:
        return Moment(frame, pose)
    values = unpack(layout)
    return Moment(frame, pose, Place.from_dict(values["place"]), spec_of(values["spec"]))


def spec_of(values: Mapping[str, Any] | None) -> WorldSpec | None:
    """A spec of its JSON values."""
    return None if values is None else WorldSpec.from_json(json.dumps(values))
