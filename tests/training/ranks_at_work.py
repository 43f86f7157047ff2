"""What each process of tests/training/test_ranks.py does: `torchrun ranks_at_work.py WHAT VIDEO OUT`. Not a test itself."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import Ranks
from genie_gym.genie1.config import PRESETS, MaskingConfig
from genie_gym.genie1.stages import DynamicsStage
from genie_gym.genie1.world import Genie1World
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.train import train_world
from genie_gym.training.trainer import Trainer

STAGES = ["latent_actions", "tokenizer"]
TOGETHER = 4  # clips in a batch of all processes
CONFIG = TrainerConfig(steps=4, batch_size=TOGETHER, warmup=1, device="cpu", precision="float32", log_every=1)


class Shared(DynamicsStage):
    """Draws nothing at random but its clips, of which each process takes its share of the same ones."""

    def __init__(self, data: VideoDataset):
        torch.manual_seed(0)
        world = Genie1World(PRESETS["debug"].world)
        super().__init__(world, data, 5, MaskingConfig(full_mask_share=1.0, corrupt_share=0.0))
        self.drawn, self.losses = 0, []

    def sample(self, rng: np.random.Generator, batch_size: int) -> dict[str, torch.Tensor]:
        ranks = Ranks.here()
        windows = self.data.sample_windows(np.random.default_rng(self.drawn), TOGETHER, self.clip_length)
        self.drawn += 1
        return {"frames": self.clips(windows[ranks.rank :: ranks.world_size])}


def losses(video: str, out: str, shard: bool, first: int, last: int) -> list[float]:
    """The mean over all processes of each step's loss, from one step to another."""
    stage = Shared(VideoDataset(video))
    stage.drawn = first
    trainer = Trainer(stage, replace(CONFIG, steps=last, shard=shard), out)
    assert trainer.step == first
    assert trainer.is_sharded == (shard and not trainer.ranks.is_alone)
    found, step = [], trainer._train_step

    def told() -> dict[str, torch.Tensor]:
        values = step()
        found.append(trainer.ranks.mean({"total": float(values["total"])}, trainer.device)["total"])
        return values

    trainer._train_step = told  # type: ignore[method-assign]
    trainer.run()
    return found


def main(video: str, out: str) -> None:
    """Losses with copies of the networks, with shares of them, and of the steps after what one process saved; and a world
    that is trained shared out."""
    ranks = Ranks.here()
    with ranks.together():
        said = {
            "copies": losses(video, f"{out}/copies", False, 0, 4),
            "shares": losses(video, f"{out}/shares", True, 0, 4),
            "after shares": losses(video, f"{out}/one", True, 4, 6),
            "after a file": losses(video, f"{out}/file", True, 4, 6),
        }
        common = {"steps": 2, "device": "cpu", "shard": True}
        settings = {f"recipe.{stage}.{key}": value for stage in STAGES for key, value in common.items()}
        world = train_world(VideoDataset(video), Path(out) / "world", "debug", STAGES, settings)
        assert torch.distributed.is_initialized()  # who began the group may go on with it
        sums = {name: float(value.double().abs().sum()) for name, value in world.tokenizer.state_dict().items()}
        assert ranks.mean(sums, torch.device("cpu")) == sums
    if ranks.is_first:
        (Path(out) / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
