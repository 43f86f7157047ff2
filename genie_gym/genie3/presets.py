"""Sizes of Genie 3: what a world is made of before anything is mined, and how each stage learns. The frame size comes from
the video."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.predictor import PredictorConfig
from genie_gym.models.motion.latent_code import LatentCodeConfig
from genie_gym.models.motion.stride import StrideConfig
from genie_gym.places.library import LibraryConfig
from genie_gym.training.plan import TrainerConfig

AT_ONCE = TrainerConfig(steps=1)  # of what is computed, and not trained

PRIOR = TrainerConfig(steps=4000, batch_size=512, learning_rate=2e-3, warmup=50, weight_decay=0.01)


@dataclass(frozen=True)
class LayoutRecipe:
    """What a layout model learns from.

    Attributes:
        places: recorded places that examples are made of, at most. per_place: examples of each.
        grounds, counts: examples of grounds and of counts in a batch; its size is that of the poses.
    """

    places: int = 3000
    per_place: int = 40
    grounds: int = 32
    counts: int = 128


@dataclass(frozen=True)
class Genie3Recipe:
    """How each stage learns.

    Attributes:
        pairs: of frames, that latent actions are learned from.
        labelled_keys: so many labelled steps teach what keys do.
    """

    layout: TrainerConfig
    keys: TrainerConfig
    prior: TrainerConfig = PRIOR
    assets: TrainerConfig = AT_ONCE
    places: TrainerConfig = AT_ONCE
    latent_actions: TrainerConfig = AT_ONCE
    mining: MiningConfig = field(default_factory=MiningConfig)
    layouts: LayoutRecipe = field(default_factory=LayoutRecipe)
    pairs: int = 6000
    labelled_keys: int = 1000


@dataclass(frozen=True)
class Genie3Preset:
    """One size."""

    world: Genie3Config
    recipe: Genie3Recipe


# What a world is before it has seen a recording.
NOTHING = LibraryConfig(
    classes=("sky", "ground", "water"), scenes=(), weathers=("clear",), materials=("ground",), names=(), kinds=(), surfels=0,
    tile=1,
)  # fmt: skip
BEGUN = Genie3Config(
    library=NOTHING, stride=StrideConfig(weathers=NOTHING.weathers), eyes="genie2", predictor=PredictorConfig()
)
KEYS = TrainerConfig(steps=1500, batch_size=1000, learning_rate=2e-2, warmup=20, weight_decay=0.0)

PRESETS = {
    "debug": Genie3Preset(  # seconds on any machine; for tests
        replace(
            BEGUN, latent=LatentCodeConfig(prototypes=4), predictor=PredictorConfig(16, 1, ways=6), memory=64, preset="debug"
        ),
        Genie3Recipe(
            layout=TrainerConfig(steps=4, batch_size=8, warmup=2),
            keys=TrainerConfig(steps=90, batch_size=100, learning_rate=3e-2, warmup=5, weight_decay=0.0),
            prior=TrainerConfig(steps=20, batch_size=64, learning_rate=5e-3, warmup=2),
            mining=MiningConfig(
                light_frames=4,
                light_pixels=300,
                frames=12,
                unique_each=1,
                blocks=16,
                tile=16,
                sky_at=(0.0, 12.0),
                sky_size=(16, 64),
            ),
            layouts=LayoutRecipe(places=20, per_place=4, grounds=8, counts=8),
            pairs=40,
            labelled_keys=100,
        ),
    ),
    "tiny": Genie3Preset(  # an hour or two on two CPU cores
        replace(BEGUN, preset="tiny"),
        Genie3Recipe(
            layout=TrainerConfig(steps=3500, batch_size=320, learning_rate=2.5e-3, warmup=50, weight_decay=0.1),
            keys=KEYS,
            mining=MiningConfig(frames=41, light_frames=8, light_pixels=300, unique_bytes=12_000_000, unique_each=14),
            layouts=LayoutRecipe(grounds=16, counts=64),
        ),
    ),
    "base": Genie3Preset(  # with more of everything: where there are 10,000 layouts and more
        replace(BEGUN, preset="base"),
        Genie3Recipe(
            layout=TrainerConfig(steps=60_000, batch_size=512, learning_rate=1e-3, warmup=1000),
            keys=KEYS,
            layouts=LayoutRecipe(places=20_000),
            pairs=20_000,
        ),
    ),
}
