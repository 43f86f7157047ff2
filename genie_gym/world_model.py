"""WorldModel: a world one can reset and step, composed of tokenizer, latent actions, dynamics and heads.

Legend: B rows (environments), N tokens a frame, A latent actions, H W image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from jaxtyping import Bool, Float, Int, UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.models.dynamics import DynamicsModel, KVCache
from genie_gym.models.heads import ActionHead, OutcomeHead
from genie_gym.models.latent_action import LatentActionModel
from genie_gym.models.presets import WorldConfig
from genie_gym.models.row_random import integers, uniform
from genie_gym.models.sampling import sample_frame
from genie_gym.models.tokenizer import CausalVideoTokenizer, TokenizerCache, as_float, as_uint8

PARTS = ("tokenizer", "latent_actions", "dynamics", "action_head", "outcome_head")
CONFIG_FILE, STARTS_FILE, MANIFEST_FILE = "config.json", "starts.h5", "manifest.json"
# Streams of the rows' random numbers; sampling uses 2 and up.
START_STREAM, OUTCOME_STREAM = 0, 1


@dataclass
class WorldState:
    """Everything that a row is. All tensors are batched over rows, so that single rows reset, save and branch.

    `position` [B] is the number of the last frame; `seed` [B] fixes all randomness still to come. `WorldModel.step`
    writes into the caches of the state it is given: `clone()` first to branch.
    """

    keys: Float[Tensor, "L B h R S d"]
    values: Float[Tensor, "L B h R S d"]
    decoder: Float[Tensor, "B P C h2 w2"]
    tokens: Int[Tensor, "B N"]
    frames: UInt8[Tensor, "B H W 3"]
    action_logits: Float[Tensor, "B A"]
    """The prior over the next latent action."""
    position: Int[Tensor, " B"]
    seed: Int[Tensor, " B"]

    def _map(self, function: Callable[[Tensor, int], Tensor]) -> WorldState:
        """`function(tensor, batch axis)` over all fields."""
        axes = {"keys": 1, "values": 1}
        return WorldState(**{f.name: function(getattr(self, f.name), axes.get(f.name, 0)) for f in fields(self)})

    def clone(self) -> WorldState:
        return self._map(lambda x, _: x.clone())

    def select(self, rows: Int[Tensor, " R"]) -> WorldState:
        """A copy of some rows."""
        return self._map(lambda x, axis: x.index_select(axis, rows))

    def put(self, rows: Int[Tensor, " R"], other: WorldState) -> None:
        """Overwrites some rows, in place."""
        for f in fields(self):
            axis = 1 if f.name in ("keys", "values") else 0
            getattr(self, f.name).index_copy_(axis, rows, getattr(other, f.name))

    @property
    def num_rows(self) -> int:
        return len(self.position)


@dataclass
class Prediction:
    """What one step brought."""

    frames: UInt8[Tensor, "B H W 3"]
    rewards: Float[Tensor, " B"]
    terminated: Bool[Tensor, " B"]


class WorldModel(nn.Module, PyTorchModelHubMixin):
    """A learned world: `reset(...) -> WorldState`, `step(state, actions) -> (WorldState, Prediction)`.

    After Genie (Bruce et al. 2024, arXiv:2402.15391). `starts` holds the frames that episodes begin from.
    """

    def __init__(self, config: WorldConfig):
        super().__init__()
        if config.tokenizer.codebook_size != config.dynamics.codebook_size or config.tokenizer.grid != config.dynamics.grid:
            raise GenieGymError("the tokenizer and the dynamics disagree on codebook size or grid.")
        self.config = config
        self.tokenizer = CausalVideoTokenizer(config.tokenizer).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.latent_actions = LatentActionModel(config.latent_actions).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dynamics = DynamicsModel(config.dynamics)
        self.action_head = ActionHead(config.dynamics.model_dim, config.latent_actions.num_actions)
        self.outcome_head = OutcomeHead(config.dynamics.model_dim, config.dynamics.positions, config.outcomes)
        self.starts = np.zeros((0, config.tokenizer.height, config.tokenizer.width, 3), np.uint8)

    @property
    def num_actions(self) -> int:
        return self.config.latent_actions.num_actions

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return self.config.tokenizer.height, self.config.tokenizer.width, 3

    @property
    def device(self) -> torch.device:
        return self.dynamics.place.device

    # Play

    @torch.no_grad()
    def reset(self, seed: Int[Tensor, " B"], frames: UInt8[Tensor, "B H W 3"] | None = None) -> WorldState:
        """New episodes, one a row: from `frames`, or from starts that each row's seed picks out of the pool.

        The first observation (`state.frames`) is the start as the tokenizer rebuilds it, so that nothing changes its
        look between the first frame and the second.
        """
        seed = seed.to(self.device)
        position = torch.zeros_like(seed)
        if frames is None:
            if not len(self.starts):
                raise GenieGymError("this world has no start frames of its own; give frames to reset from.")
            picks = integers(seed, position, START_STREAM, len(self.starts)).cpu().numpy()
            frames = torch.from_numpy(self.starts[picks])
        self._check_frames(frames)
        encoded, _ = self.tokenizer.quantize(as_float(frames[:, None].to(self.device)))
        caches = self.dynamics.initial_cache(len(seed))
        none = self.dynamics.no_action.expand(len(seed), -1)
        features = self.dynamics.step(encoded.indices[:, 0], none, caches, position)
        rebuilt, decoder = self.tokenizer.decode_vectors(encoded.quantized)
        return WorldState(
            keys=caches.keys,
            values=caches.values,
            decoder=decoder.decoder.clone(),
            tokens=encoded.indices[:, 0],
            frames=as_uint8(rebuilt[:, 0]),
            action_logits=self.action_head(features).float(),
            position=position,
            seed=seed.clone(),
        )

    @torch.no_grad()
    def step(self, state: WorldState, actions: Int[Tensor, " B"]) -> tuple[WorldState, Prediction]:
        """Plays one latent action a row. The given state's caches are written to: keep a `clone()` to go back."""
        cache = KVCache(state.keys, state.values)
        position = state.position + 1
        led = self.dynamics.action_in(self.latent_actions.codes(actions.to(self.device)))

        def token_logits(drawn: Tensor) -> Tensor:
            return self.dynamics.patch_logits(self.dynamics.step(self.dynamics.from_patches(drawn), led, cache, position))

        drawn = sample_frame(
            token_logits,
            self.config.tokenizer.tokens_per_frame,
            self.dynamics.mask_token,
            self.config.sampling,
            state.seed,
            position,
        )
        tokens = self.dynamics.from_patches(drawn)
        features = self.dynamics.step(tokens, led, cache, position)
        decoder = TokenizerCache(state.decoder, state.decoder)
        video, decoder = self.tokenizer.decode_vectors(self.tokenizer.lookup(tokens)[:, None], decoder)
        frames = as_uint8(video[:, 0])
        outcome = self._draw_outcome(features, state.seed, position)
        following = WorldState(
            keys=cache.keys,
            values=cache.values,
            decoder=decoder.decoder,
            tokens=tokens,
            frames=frames,
            action_logits=self.action_head(features).float(),
            position=position,
            seed=state.seed,
        )
        head = self.outcome_head
        return following, Prediction(frames, head.rewards[outcome], head.ends[outcome])

    def _draw_outcome(self, features: Tensor, seed: Tensor, position: Tensor) -> Int[Tensor, " B"]:
        cumulative = self.outcome_head(features).float().softmax(-1).cumsum(-1)
        noise = uniform(seed, position, OUTCOME_STREAM, 1) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, noise)[:, 0].clamp(max=cumulative.shape[1] - 1)

    def _check_frames(self, frames: Tensor) -> None:
        if frames.dtype != torch.uint8 or tuple(frames.shape[1:]) != self.frame_shape:
            raise GenieGymError(
                f"this world takes uint8 frames of {self.frame_shape} (height, width, 3); "
                f"given {frames.dtype} {tuple(frames.shape[1:])}. Resize them first."
            )

    # Files

    def _save_pretrained(self, save_directory: Path) -> None:
        """Writes config, start frames, one float16 safetensors file a part, and a manifest of their checksums."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_FILE).write_text(json.dumps(self.config.to_dict(), indent=1) + "\n")
        names = [CONFIG_FILE]
        for part in PARTS:
            state = getattr(self, part).state_dict()
            tensors = {k: (v.half() if v.is_floating_point() else v).cpu().contiguous() for k, v in state.items()}
            save_file(tensors, folder / f"{part}.safetensors")
            (folder / f"{part}.safetensors").chmod(0o644)  # safetensors leaves it to its owner alone
            names.append(f"{part}.safetensors")
        if len(self.starts):
            with h5py.File(folder / STARTS_FILE, "w") as file:
                file.create_dataset("frames", data=self.starts, compression="gzip", compression_opts=9, fletcher32=True)
            names.append(STARTS_FILE)
        manifest = {name: sha256(folder / name) for name in names}
        (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1) + "\n")

    @classmethod
    def _from_pretrained(cls, *, model_id: str, config: Any = None, map_location: str = "cpu", **hub: Any) -> WorldModel:
        """Loads a folder or a hub repository that `save_pretrained` wrote, after checking every checksum."""
        folder = Path(model_id)
        if not folder.is_dir():
            keys = ("revision", "cache_dir", "force_download", "local_files_only", "token")
            folder = Path(snapshot_download(model_id, **{k: hub[k] for k in keys if k in hub}))
        check_manifest(folder)
        world = cls(WorldConfig.from_dict(json.loads((folder / CONFIG_FILE).read_text())))
        for part in PARTS:
            state = load_file(folder / f"{part}.safetensors")
            try:
                getattr(world, part).load_state_dict(state)
            except RuntimeError as error:
                raise GenieGymError(f"{folder / part}.safetensors does not fit {CONFIG_FILE}: {error}") from error
        if (folder / STARTS_FILE).exists():
            with h5py.File(folder / STARTS_FILE) as file:
                world.starts = file["frames"][:]
        return world.eval().to(map_location)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_manifest(folder: Path) -> None:
    """Raises `GenieGymError` unless every file of the world is there with the checksum its manifest gives."""
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise GenieGymError(f"{folder} is not a world: it has no {MANIFEST_FILE}. `genie-gym train` makes worlds.")
    manifest = json.loads(path.read_text())
    needed = {CONFIG_FILE, *(f"{part}.safetensors" for part in PARTS)}
    if missing := needed - manifest.keys():
        raise GenieGymError(f"{path} does not list {sorted(missing)}; train or download the world again.")
    for name, expected in manifest.items():
        file = folder / Path(name).name
        if not file.is_file():
            raise GenieGymError(f"{file} is missing; train or download the world again.")
        if sha256(file) != expected:
            raise GenieGymError(f"{file} has another checksum than {path} gives: damaged or changed; download it again.")
