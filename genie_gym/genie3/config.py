"""What a Genie 3 world is made of, and how it plays. All of it is JSON in the world's folder."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.genie3.memory import CAPACITY
from genie_gym.genie3.predictor import PredictorConfig
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.goals import Goal, goals_of
from genie_gym.models.motion.latent_code import LatentCodeConfig
from genie_gym.models.motion.stride import StrideConfig
from genie_gym.places.collision import BodyConfig
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.library import LibraryConfig
from genie_gym.places.light import LightConfig
from genie_gym.text.vocabulary import Vocabulary

MOST_LETTERS = 60  # of a world's name
MOST_ACTIONS = 1 << 16  # that a row remembers
SMALLEST_SIDE, MOST_PIXELS = 16, 1 << 20  # of frames: 1280x720 and a little more


@dataclass(frozen=True)
class TaskConfig:
    """What recordings do not say of tasks, since it does not show in frames, and where things that are asked for stand.
    Metres; of walking, where two numbers say how far away something stands."""

    beacon: str = "beacon"
    coin: str = "coin"
    crate: str = "crate"
    mark: str = "mark"
    """Classes."""
    beacon_away: tuple[float, float] = (14.0, 34.0)
    near_away: tuple[float, float] = (4.0, 12.0)
    """Of "reach_beacon:near", whose beacon is in view from the beginning …"""
    near_angle: float = math.radians(20)
    """… no farther to either side."""
    coins: int = 5
    coin_reach: float = 0.9
    """From the feet to the coin's middle."""
    coin_lift: float = 0.58
    """How high it hangs."""
    coin_away: tuple[float, float] = (4.0, 22.0)
    coins_apart: float = 4.0
    mark_reach: float = 0.9
    """From the crate's middle to the mark's."""
    crate_away: tuple[float, float] = (4.0, 26.0)
    push: tuple[float, float] = (2.4, 6.5)
    """How far the mark is from the crate, along a free line."""
    find_away: float = 14.0
    """What is to be found is at least as far away, as far as the place goes."""


@dataclass(frozen=True)
class BeingsConfig:
    """How beings go about. Metres, seconds, radians."""

    speed: float = 1.3
    speeds: tuple[tuple[str, float], ...] = ()
    """Of some classes, others."""
    turn: float = 3.5
    """A second."""
    apart: float = 0.75
    """From the player's middle and other beings': nearer they do not go."""
    ahead: float = 0.9
    """So far they look whether the way is free."""
    legs: tuple[float, float] = (3.0, 7.0)
    """Seconds after which they turn elsewhere, or back."""
    rests: float = 0.25
    """The share of them in which who wanders stands still."""
    follows: float = 2.2
    """Who follows stops so near."""
    round: float = 1.4
    """Metres that a round of their gait takes them."""


@dataclass(frozen=True)
class Genie3Config:
    """Everything that a world's weights depend on, and how it plays.

    Args:
        library, layout, stride, latent: what is mined and learned. Without a layout it shows places that it is given alone.
        camera: of frames, where no other size is asked for. eye: metres above the feet. pitch: how far one looks up or down
            at most, radians.
        body: who walks. jump: metres a step upwards, from which a motion is a jump.
        goals: tasks as the recording says when they are done. tasks, beings: how they are set up.
        predictor: what its prior over actions is like; None: it has none. memory: actions that a row remembers.
        capacity: things a row.
        eyes: the world that perceives frames for this one, as `load_world` takes it: pictures to begin in, and how the
            camera moved from one frame to the next. Without one it reads none.
        source: what the recordings were made from, as their files say.
    """

    library: LibraryConfig
    layout: LayoutConfig | None = None
    stride: StrideConfig = field(default_factory=StrideConfig)
    latent: LatentCodeConfig = field(default_factory=LatentCodeConfig)
    predictor: PredictorConfig | None = None
    memory: int = CAPACITY
    camera: Camera = field(default_factory=lambda: Camera.with_field_of_view(90, 160, 60.0))
    eye: float = 1.6
    pitch: float = math.radians(45)
    body: BodyConfig = field(default_factory=BodyConfig)
    jump: float = 0.08
    goals: tuple[Goal, ...] = ()
    tasks: TaskConfig = field(default_factory=TaskConfig)
    beings: BeingsConfig = field(default_factory=BeingsConfig)
    capacity: int = 640
    fps: float = 24.0
    preset: str = ""
    eyes: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.eyes, str) or len(self.eyes) > MOST_LETTERS:
            raise GenieGymError(f"eyes are the name of a world, of at most {MOST_LETTERS} letters; got {self.eyes!r:.80}.")
        check_camera(self.camera)
        least = 1 if self.predictor is None else self.predictor.past
        if not isinstance(self.memory, int) or not least <= self.memory <= MOST_ACTIONS:
            raise GenieGymError(f"a row remembers {least} to {MOST_ACTIONS:,} actions; got {self.memory!r:.40}.")
        if not (self.eye > 0 and 0 < self.pitch < math.pi / 2 and self.fps > 0 and 1 <= self.capacity <= 1024):
            raise GenieGymError(
                "an eye is above the feet, looks up by less than a quarter turn, sees some frames a second, and a row has 1 "
                f"to 1,024 things; got eye={self.eye}, pitch={self.pitch}, fps={self.fps}, capacity={self.capacity}."
            )

    @property
    def vocabulary(self) -> Vocabulary | None:
        """In which words the recordings say what they show."""
        said = self.source.get("vocabulary")
        return None if said is None else Vocabulary.from_dict(said)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Genie3Config:
        """Of what `to_dict` gave, or a JSON file holds."""
        layout, predictor = values.get("layout"), values.get("predictor")
        parts: dict[str, Any] = {
            "library": library_config(values["library"]),
            "layout": None if layout is None else LayoutConfig.from_dict(layout),
            "stride": StrideConfig(**_tupled(values["stride"])),
            "latent": LatentCodeConfig(**values["latent"]),
            "predictor": None if predictor is None else PredictorConfig(**_tupled(predictor)),
            "camera": Camera(**values["camera"]),
            "body": BodyConfig(**values["body"]),
            "goals": goals_of(values["goals"]),
            "tasks": TaskConfig(**_tupled(values["tasks"])),
            "beings": BeingsConfig(**_tupled(values["beings"])),
        }
        return cls(**{**values, **parts})


def library_config(values: Mapping[str, Any]) -> LibraryConfig:
    """Of what `dataclasses.asdict` gave, or a JSON file holds."""
    return LibraryConfig(**_tupled(values) | {"light": LightConfig(**_tupled(values["light"]))})


def check_camera(camera: Camera) -> None:
    """Raises `GenieGymError` for frames that are not drawn."""
    sides, pixels = min(camera.height, camera.width), camera.height * camera.width
    if not (sides >= SMALLEST_SIDE and pixels <= MOST_PIXELS and camera.focal > 0):
        raise GenieGymError(
            f"frames have sides of at least {SMALLEST_SIDE} pixels, and {MOST_PIXELS:,} pixels at most; got {camera.height} "
            f"by {camera.width}."
        )


def resized(camera: Camera, height: int, width: int) -> Camera:
    """A camera that sees as much from the upper to the lower edge.

    Raises:
        GenieGymError: for sizes that are not drawn.
    """
    other = replace(camera, height=height, width=width, focal=camera.focal * height / camera.height)
    check_camera(other)
    return other


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where these have tuples."""
    return {name: _as_tuple(value) for name, value in values.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(one) for one in value) if isinstance(value, list | tuple) else value
