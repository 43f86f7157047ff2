"""Places that begin in pictures: what is perceived is completed, several times, and the likest completion is taken.

Which weather and hour it is, is found by drawing: the place is drawn under all of them, and held against the picture.

Legend: B rows, T frames, F = T - 1 transitions, n drawings, H W image, h w the same of another size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.genie3.config import Genie3Config, resized
from genie_gym.genie3.perceived import Perceives, Sight, settled, sights
from genie_gym.genie3.walker import camera_pose
from genie_gym.geometry.align import align
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.percept import Percept
from genie_gym.models.tokenizer import as_float
from genie_gym.places.draw import draw
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.place import Place
from genie_gym.places.table import tables
from genie_gym.pretrained import shared_world
from genie_gym.text.spec import CharacterAdd, ObjectAdd, WorldSpec

COMPLETIONS = 3
PAIRS = 64  # of frames whose motion is read at once
COARSE = 45  # pixels from the upper to the lower edge of drawings that are compared with a picture
GRID = (5, 8)  # cells of a picture whose mean colours are compared


@dataclass(frozen=True, eq=False)
class Pictured:
    """The place of each picture, its spec, and what was perceived, at the picture's size."""

    places: list[Place]
    specs: list[WorldSpec]
    percept: Percept


def eyes_of(config: Genie3Config, device: torch.device) -> Perceives:
    """The world that perceives pictures for this one.

    Raises:
        GenieGymError: there is none, or it perceives nothing.
    """
    if not config.eyes:
        raise GenieGymError("this world has no eyes for pictures; start it from a prompt or a place.")
    eyes = shared_world(config.eyes, str(device))
    if not isinstance(eyes, Perceives):
        raise GenieGymError(f"{config.eyes!r} perceives no pictures; name a world that does, as genie2.")
    return eyes


def read_motions(eyes: Perceives, frames: UInt8[Tensor, "B T H W 3"], camera: Camera) -> Float[Tensor, "B F 6"]:
    """How the camera moved from each frame to the next (`geometry.pose`), by the depth that eyes perceive."""
    small = eyes_camera(eyes, camera)
    flat = _resized(frames.flatten(0, 1), small).unflatten(0, frames.shape[:2])
    before, after = flat[:, :-1].flatten(0, 1), flat[:, 1:].flatten(0, 1)
    parts = [
        align(as_float(one), as_float(other), eyes.perceive(other).inverse_depth, small)
        for one, other in zip(before.split(PAIRS), after.split(PAIRS), strict=True)
    ]
    return torch.cat(parts).unflatten(0, (len(frames), frames.shape[1] - 1))


def eyes_camera(eyes: Perceives, camera: Camera) -> Camera:
    """A camera as coarse as the eyes', for pictures of another shape."""
    return resized(eyes.camera, eyes.camera.height, max(1, round(camera.width * eyes.camera.height / camera.height)))


def things_in(
    frame: UInt8[Tensor, "H W 3"], eyes: Perceives, library: AssetLibrary, layout: LayoutModel, config: Genie3Config
) -> list[ObjectAdd | CharacterAdd]:
    """What a picture shows that events can bring, one of each kind, the nearest first."""
    small, known = eyes_camera(eyes, config.camera), config.vocabulary
    percept = eyes.perceive(_resized(frame[None], small))
    place = sights(percept, eyes, small, config.eye, library, layout.config)[0].given.place
    x, y, _ = place.spawn
    ordered = sorted(place.things, key=lambda thing: math.hypot(thing.centre[0] - x, thing.centre[1] - y))
    objects, characters = ((), ()) if known is None else (known.objects, known.characters)
    found: list[ObjectAdd | CharacterAdd] = []
    for name in dict.fromkeys(thing.name for thing in ordered):
        if name in characters:
            found.append(CharacterAdd(name))
        elif name in objects:
            found.append(ObjectAdd(name))
    return found


def pictured(
    frames: UInt8[Tensor, "B H W 3"],
    numbers: Sequence[int],
    eyes: Perceives,
    library: AssetLibrary,
    layout: LayoutModel,
    camera: Camera,
    config: Genie3Config,
) -> Pictured:
    """Places in which who enters sees these pictures. `numbers` are the rows' seeds, at least 0."""
    small = eyes_camera(eyes, camera)
    percept = eyes.perceive(_resized(frames, small))
    places, specs = [], []
    for row, sight in enumerate(sights(percept, eyes, small, config.eye, library, layout.config)):
        place, spec = _completed(
            frames[row], float(percept.pitch[row]), sight, numbers[row], library, layout, camera, config
        )
        places.append(place)
        specs.append(spec)
    return Pictured(places, specs, _at_size(percept, camera))


def _completed(
    frame: UInt8[Tensor, "H W 3"], pitch: float, sight: Sight, number: int, library: AssetLibrary, layout: LayoutModel,
    camera: Camera, config: Genie3Config,
) -> tuple[Place, WorldSpec]:  # fmt: skip
    """The likest of some completions, and its scene, weather and hour."""
    scene = sight.scene if sight.scene in layout.config.scene_names else layout.config.scene_names[0]
    count = COMPLETIONS
    laid = layout.sample([WorldSpec(scene)] * count, [number + k for k in range(count)], [sight.given] * count)
    places = [settled(place, sight.given) for place in laid]
    look = _Look(
        frame, pitch, library, resized(camera, COARSE, max(16, round(camera.width * COARSE / camera.height))), config
    )
    hours, weathers = library.light.config.sky_hours, len(library.config.weathers)
    lights = Condition(
        weather=torch.arange(weathers).repeat_interleave(len(hours)), hour=torch.tensor(hours).repeat(weathers)
    )
    light = int(look.unlike(places[:1] * len(lights.hour), lights, number).argmin())
    chosen = int(look.unlike(places, lights.select([light] * count), number).argmin())
    weather = library.config.weathers[int(lights.weather[light])]
    return places[chosen], WorldSpec(scene, weather, float(lights.hour[light]))


@dataclass(frozen=True, eq=False)
class _Look:
    """A picture that drawings are compared with."""

    frame: UInt8[Tensor, "H W 3"]
    pitch: float
    library: AssetLibrary
    camera: Camera
    config: Genie3Config

    def unlike(self, places: list[Place], condition: Condition, number: int) -> Float[Tensor, " n"]:
        """How much colours differ, cell by cell, from those of the places (one, or each another) under conditions."""
        device, count = self.frame.device, len(places)
        distinct = places if len({id(place) for place in places}) > 1 else places[:1]
        things, ground = tables(distinct, self.library, [number] * len(distinct), self.config.capacity)
        things, ground = things.repeat(count // len(distinct)), ground.repeat(count // len(distinct))
        x, y, yaw = torch.tensor([place.spawn for place in places], device=device).unbind(1)
        things, ground = things.to(device), ground.to(device)
        floor = ground.height(torch.stack([x, y], 1))
        poses = camera_pose(torch.stack([x, y, floor + self.config.eye], 1), yaw, torch.full_like(yaw, self.pitch))
        seen = draw(self.library, things, ground, condition.to(device), poses, self.camera, torch.zeros_like(yaw).long())
        drawn, real = (
            F.adaptive_avg_pool2d(as_float(frames), GRID) for frames in (seen.colours, self.frame[None])
        )  # fmt: skip
        return (drawn - real).abs().mean((1, 2, 3)).cpu()


def _resized(frames: UInt8[Tensor, "B H W 3"], camera: Camera) -> UInt8[Tensor, "B h w 3"]:
    size = (camera.height, camera.width)
    if tuple(frames.shape[1:3]) == size:
        return frames
    small = F.interpolate(frames.movedim(-1, 1).float(), size, mode="bilinear", antialias=True, align_corners=False)
    return small.clamp(0, 255).round().to(torch.uint8).movedim(1, -1).contiguous()


def _at_size(percept: Percept, camera: Camera) -> Percept:
    """The same for each pixel of a picture of another size. Depths are not mixed: between two surfaces there is none."""
    size = (camera.height, camera.width)
    if tuple(percept.inverse_depth.shape[1:]) == size:
        return percept

    def stretched(values: Tensor) -> Tensor:
        return F.interpolate(values[:, None].float(), size, mode="nearest")[:, 0]

    return replace(
        percept,
        inverse_depth=stretched(percept.inverse_depth),
        pushable=stretched(percept.pushable) > 0.5,
        being=stretched(percept.being) > 0.5,
        semantic=stretched(percept.semantic).long(),
        velocity=F.interpolate(percept.velocity, size, mode="nearest"),
    )
