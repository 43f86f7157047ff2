"""Presets of Genie 2: what a world is made of, and the recipe that trains it. The frame size comes from the video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.genie2.imagination import ImaginationConfig
from genie_gym.genie2.perception import PerceptionConfig
from genie_gym.genie2.tasks import TaskHeadConfig
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.goals import Goal, goals_of
from genie_gym.geometry.obstacles import Body
from genie_gym.models.motion.keys import KeyMapConfig
from genie_gym.models.motion.latent_action import LatentActionConfig
from genie_gym.models.unet import UNetConfig
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.training.plan import TrainerConfig

MOST_NAMES, MOST_LETTERS = 254, 60  # of classes, ids are bytes; 255 is none
MOST_SLOTS, MOST_PIXELS = 1024, 1 << 20  # files from elsewhere say how large a world is: not larger than this


@dataclass(frozen=True)
class MemoryConfig:
    """What is remembered, and when a coming view is imagined."""

    slots: int = 64
    """Keyframes a row: the start frame, and the last views that were imagined."""
    views: int = 4
    """How many of them are recalled for a frame; with 0, the last frame is all that is known."""
    new: float = 0.03
    """The share of a frame that nothing covers from which a coming view is imagined …"""
    pause: int = 3
    """… at most every so many steps."""
    ahead: int = 8
    """The view imagined is the one so many steps ahead, if one went on as now."""
    penalty: float = 1.0
    """How much less an imagined keyframe is trusted than a given one, in the unit of `geometry.reproject.size_cost`."""

    def __post_init__(self) -> None:
        if not (2 <= self.slots <= MOST_SLOTS and 0 <= self.views <= self.slots and self.pause >= 1):
            raise GenieGymError(
                f"a memory has 2 to {MOST_SLOTS} slots, recalls no more views than that, and pauses for at least a step; "
                f"got {self}."
            )


@dataclass(frozen=True)
class Genie2Config:
    """Everything that a world's weights depend on, and how it plays."""

    camera: Camera = field(default_factory=lambda: Camera.with_field_of_view(90, 160, 60.0))
    body: Body = field(default_factory=Body)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    latent_actions: LatentActionConfig = field(default_factory=LatentActionConfig)
    imagination: ImaginationConfig = field(default_factory=ImaginationConfig)
    keys: KeyMapConfig = field(default_factory=KeyMapConfig)
    task_head: TaskHeadConfig = field(default_factory=TaskHeadConfig)
    goals: tuple[Goal, ...] = ()
    """What its training video taught to tell (`Genie2World.tasks`), by the rules that the video had."""
    composer: str = ""
    """The world that composes the places that prompts ask for, as `load_world` takes it; without one, prompts choose among
    the world's own start frames."""
    classes: tuple[str, ...] = ("sky", "ground")
    """What pixels may show, by name, as the simulator numbers them."""
    fps: float = 24.0
    preset: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    """What the training video was recorded from, as the video file says; evaluation records held-out video from it."""

    def __post_init__(self) -> None:
        camera = self.camera
        if not (min(camera.height, camera.width) >= 16 and camera.height * camera.width <= MOST_PIXELS and camera.focal > 0):
            raise GenieGymError(f"frames have sides of 16 pixels or more, and {MOST_PIXELS:,} pixels at most; got {camera}.")
        if not isinstance(self.composer, str) or len(self.composer) > MOST_LETTERS:
            raise GenieGymError(
                f"the world that composes places has a name of at most {MOST_LETTERS} letters; got {self.composer!r:.80}."
            )
        for what, names in {"keys": self.keys.keys, "classes": self.classes}.items():
            if not (
                0 < len(names) <= MOST_NAMES
                and all(isinstance(name, str) and 0 < len(name) <= MOST_LETTERS for name in names)
                and len(set(names)) == len(names)
            ):
                raise GenieGymError(f"{what} are 1 to {MOST_NAMES} names, each once; got {str(names)[:80]}.")

    @property
    def vocabulary(self) -> Vocabulary | None:
        """In which words its training video says what it shows."""
        said = self.source.get("vocabulary")
        return None if said is None else Vocabulary.from_dict(said)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Genie2Config:
        imagination = values["imagination"]
        parts = {
            "camera": Camera(**values["camera"]),
            "body": Body(**values["body"]),
            "memory": MemoryConfig(**values["memory"]),
            "classes": tuple(values["classes"]),
            "perception": PerceptionConfig(_unet(values["perception"]["unet"])),
            "latent_actions": LatentActionConfig(**values["latent_actions"]),
            "imagination": ImaginationConfig(
                **imagination | {"unet": _unet(imagination["unet"]), "stretch": tuple(imagination["stretch"])}
            ),
            "keys": KeyMapConfig(**values["keys"] | {"keys": tuple(values["keys"]["keys"])}),
            "task_head": TaskHeadConfig(**values["task_head"]),
            "goals": goals_of(values["goals"]),
        }
        return cls(**{**values, **parts})


def _unet(values: Mapping[str, Any]) -> UNetConfig:
    return UNetConfig(**{**values, "widths": tuple(values["widths"])})


@dataclass(frozen=True)
class PastConfig:
    """Which earlier frames of an episode a view is imagined from in training, in steps."""

    near: tuple[int, int] = (3, 14)
    """How long ago the latest is: as a look ahead in play."""
    far: tuple[int, int] = (15, 100)
    others: int = 1


@dataclass(frozen=True)
class Genie2Recipe:
    """How each stage trains."""

    perception: TrainerConfig
    latent_actions: TrainerConfig
    imagination: TrainerConfig
    keys: TrainerConfig
    tasks: TrainerConfig
    past: PastConfig = field(default_factory=PastConfig)
    patches: float = 4.0
    """The weight of the patches' distance in what imagination learns from: more is crisper, and farther from the truth."""
    consistency: float = 0.0
    """The weight of `MultiViewConsistencyLoss` there, between imagined views and later real ones. What it brings:
    docs/experiments.md."""
    labelled_keys: int = 1000
    """So many labelled steps teach what keys do."""


@dataclass(frozen=True)
class Genie2Preset:
    """One size: widths and recipe."""

    world: Genie2Config
    recipe: Genie2Recipe

    def for_video(
        self,
        camera: Camera,
        fps: float,
        classes: tuple[str, ...],
        source: Mapping[str, Any],
        keys: tuple[str, ...],
        goals: tuple[Goal, ...] = (),
        composer: str = "",
    ) -> Genie2Preset:
        """The same for another camera, what it can see, what its keys are called, what there is to do, and who composes
        places."""
        fitted = replace(self.world, camera=camera, fps=fps, classes=classes, source=source, goals=goals, composer=composer)
        return replace(self, world=replace(fitted, keys=replace(fitted.keys, keys=keys)))


def _sizes(preset: str, unet: tuple[int, ...], slots: int = 64, depth: int = 1) -> Genie2Config:
    return Genie2Config(
        memory=MemoryConfig(slots=slots),
        perception=PerceptionConfig(UNetConfig(unet, depth)),
        imagination=ImaginationConfig(UNetConfig(unet, depth)),
        preset=preset,
    )


# What is small is so at every size.
UNITS = TrainerConfig(steps=300, batch_size=64, learning_rate=3e-2, warmup=20)
KEYS = TrainerConfig(steps=2000, batch_size=256, learning_rate=3e-3, weight_decay=0.05)
TASKS = TrainerConfig(steps=1500, batch_size=32, learning_rate=2e-3, warmup=50, weight_decay=0.05)

PRESETS = {
    "debug": Genie2Preset(  # seconds on any machine; for tests
        _sizes("debug", (8, 16, 16), slots=6),
        Genie2Recipe(
            perception=TrainerConfig(steps=20, batch_size=2, warmup=5),
            latent_actions=TrainerConfig(steps=20, batch_size=2, warmup=5),
            imagination=TrainerConfig(steps=20, batch_size=2, warmup=5),
            keys=TrainerConfig(steps=20, batch_size=16, warmup=5),
            tasks=TrainerConfig(steps=20, batch_size=2, warmup=5),
            past=PastConfig(near=(1, 3), far=(3, 6)),
            labelled_keys=50,
        ),
    ),
    "tiny": Genie2Preset(  # an hour or two on two CPU cores
        _sizes("tiny", (24, 48, 96, 160, 192)),
        Genie2Recipe(
            perception=TrainerConfig(steps=20_000, batch_size=16, learning_rate=2e-3),
            latent_actions=UNITS,
            imagination=TrainerConfig(steps=10_000, batch_size=12, learning_rate=2e-3),
            keys=KEYS,
            tasks=TASKS,
        ),
    ),
    "base": Genie2Preset(  # one GPU
        _sizes("base", (64, 128, 256, 384, 512), slots=128),
        Genie2Recipe(
            perception=TrainerConfig(steps=100_000, batch_size=64, warmup=1000),
            latent_actions=UNITS,
            imagination=TrainerConfig(steps=100_000, batch_size=32, warmup=1000),
            keys=KEYS,
            tasks=TASKS,
        ),
    ),
    # Genie 2's published size, about 10^10 parameters, half of them to see and half to imagine.
    "genie2-10b": Genie2Preset(
        _sizes("genie2-10b", (1664, 3328, 6656, 9984), slots=256, depth=2),
        Genie2Recipe(
            perception=TrainerConfig(steps=500_000, batch_size=256, learning_rate=1e-4, warmup=5000, shard=True),
            latent_actions=UNITS,
            imagination=TrainerConfig(steps=500_000, batch_size=128, learning_rate=1e-4, warmup=5000, shard=True),
            keys=KEYS,
            tasks=TASKS,
        ),
    ),
}
