"""`genie-gym evaluate`: a world against held-out video of the simulator that it was learned from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from genie_gym.datasets.record import record_gym
from genie_gym.datasets.sources import GymSource
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.metrics import (
    auc,
    calibration_error,
    drift,
    explained_variance,
    frame_statistics,
    interval,
    mutual_information_bits,
    perplexity,
    picture_shift,
    psnr,
    ssim,
)
from genie_gym.evaluation.objects import OBJECTS, kept
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.rollout import infer_actions, rollout_from, row_seeds
from genie_gym.world_model import WorldModel

HELD_OUT_LEVEL = 500_000_000  # recordings for training use levels far below
HELD_OUT_LEVELS = 1000
OUTCOME_BATCHES = 24
HELD_OUT_FRAMES = 30_000
DRIFT_FRAMES = (16, 64, 256)
HELD = 8
STILL = 0.5  # mean absolute change, in grey levels, below which two frames count as the same


@dataclass(frozen=True)
class EvaluateConfig:
    clips: int = 128
    """Clips for fidelity and control; drift uses a quarter of them."""
    batch_size: int = 32
    seed: int = 0


def held_out_video(world: WorldModel, cache: str | Path | None = None) -> Path:
    """Video of the world's own simulator, on levels above `HELD_OUT_LEVEL`; recorded once into `cache`."""
    source = world.config.source
    if source.get("kind") != "gymnasium":
        raise GenieGymError("this world was not learned from a simulator that can be played; pass --data held_out.h5.")
    options = dict(source.get("env_kwargs", {}))
    if source["env_id"].startswith("GenieSim/"):
        options |= {"start_level": HELD_OUT_LEVEL, "num_levels": HELD_OUT_LEVELS}
    folder = Path(cache or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genie_gym")
    name = f"held-out-{source['env_id'].replace('/', '-')}-{_digest(options)}.h5"
    path = folder / name
    if not path.exists():
        playing = GymSource(source["env_id"], 16, None, 200, options)
        record_gym(playing, path, HELD_OUT_FRAMES, {"sticky": 0.3, "directed": 0.7}, seed=1, resume=True)
        playing.close()
    return path


def _digest(options: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:8]


@torch.no_grad()
def evaluate(world: WorldModel, data: VideoDataset, config: EvaluateConfig | None = None) -> dict[str, Any]:
    """All numbers of docs/evaluation.md, as a flat dict that JSON can hold."""
    config = config or EvaluateConfig()
    rng = np.random.default_rng(config.seed)
    if (data.height, data.width) != world.frame_shape[:2]:
        raise GenieGymError(
            f"the video is {data.height}x{data.width}, the world {world.frame_shape[0]}x{world.frame_shape[1]} "
            "(height x width); record it at the world's size (--size)."
        )
    steps = config.clips // config.batch_size or 1
    found = [
        _fidelity(world, torch.from_numpy(data.sample_clips(rng, config.batch_size, 16)), config.seed + k)
        for k in tqdm(range(steps), desc="fidelity and control", disable=None)
    ]
    values = {key: np.concatenate([batch[key] for batch in found]) for key in found[0]}
    counts = {key: values.pop(key).sum() for key in list(values) if key.startswith("pixels_")}
    results: dict[str, Any] = {key: float(v.mean()) for key, v in values.items()}
    for key in [key for key in counts if not key.endswith("_of")]:
        total = counts[f"{key}_of"]
        results[key.removeprefix("pixels_")] = float(counts[key] / total) if total else float("nan")
    for key in ("rollout_psnr_10", "delta_psnr_4"):
        results[f"{key}_interval"] = interval(values[key])
    results["rollout_over_copy_last_interval"] = interval(values["rollout_psnr_10"] - values["copy_last_psnr_10"])
    results |= _codes(world, data, rng)
    results |= _held_actions(world, torch.from_numpy(data.sample_clips(rng, 32, 1)[:, 0]), config.seed)
    if data.has_labels():
        results |= _outcomes(world, data, rng)
    results |= _drift(world, data, rng, max(8, config.clips // 4), config)
    results["clips"] = steps * config.batch_size
    results["held_out_episodes"] = len(data)
    return results


def _fidelity(world: WorldModel, clips: Tensor, seed: int) -> dict[str, np.ndarray]:
    """Per-clip numbers of clips [B, 16, H, W, 3]."""
    clips = clips.to(world.device)
    flat = clips.flatten(0, 1)
    rebuilt = as_uint8(world.tokenizer.decode(world.tokenizer.encode(as_float(clips))[1]))
    actions = infer_actions(world, clips)[:, :10]
    seeds = row_seeds(seed, len(clips))
    imagined = rollout_from(world, world.reset(seeds, clips[:, 0]), actions)[:, 1:]
    others = torch.from_numpy(np.random.default_rng(seed).integers(world.num_actions, size=actions.shape))
    random = rollout_from(world, world.reset(seeds, clips[:, 0]), others[:, :4].to(world.device))[:, 1:]
    real, still = clips[:, 1:11], clips[:, :1].expand(-1, 10, -1, -1, -1)
    inferred = psnr(real, imagined)
    out = {
        "tokenizer_psnr": psnr(clips, rebuilt).mean(1),
        "tokenizer_ssim": ssim(flat, rebuilt.flatten(0, 1)).unflatten(0, clips.shape[:2]).mean(1),
        "rollout_psnr_10": inferred.mean(1),
        "rollout_ssim_10": ssim(real.flatten(0, 1), imagined.flatten(0, 1)).unflatten(0, real.shape[:2]).mean(1),
        "copy_last_psnr_10": psnr(real, still).mean(1),
        "rollout_psnr_at_10": inferred[:, 9],
        "copy_last_psnr_at_10": psnr(real[:, 9], still[:, 9]),
        "delta_psnr_4": inferred[:, 3] - psnr(real[:, 3], random[:, 3]),
    }
    for name, key in OBJECTS.get(world.config.source.get("env_id", ""), {}).items():
        pairs = {
            "recall_rebuilt": (flat, rebuilt.flatten(0, 1)),
            "recall_10": (real.flatten(0, 1), imagined.flatten(0, 1)),
            "precision_10": (imagined.flatten(0, 1), real.flatten(0, 1)),
        }
        for measure, (first, second) in pairs.items():
            label = f"pixels_{name}_{measure}"
            out[label], out[f"{label}_of"] = kept(key, first, second)
    return {key: value.cpu().numpy() for key, value in out.items()}


def _held_actions(world: WorldModel, starts: Tensor, seed: int) -> dict[str, float]:
    """Do latent actions mean something, and the same from everywhere? Each is held for `HELD` steps from each start.

    Returns code_readback: how often the inverse model reads the code that was played off the frames that were imagined;
    code_effect_agreement: the share of the variance of the picture's whole displacement that the code explains.
    """
    count = world.num_actions
    codes = torch.arange(count, device=world.device).repeat(len(starts))
    frames = starts.repeat_interleave(count, 0)
    played = codes[:, None].expand(-1, HELD)
    imagined = rollout_from(world, world.reset(row_seeds(seed, len(frames)), frames), played)
    read = infer_actions(world, imagined)
    moved = sum(picture_shift(imagined[:, t], imagined[:, t + 1]) for t in range(HELD))
    assert isinstance(moved, Tensor)
    effects = moved.unflatten(0, (len(starts), count)).cpu().numpy()
    return {
        "code_readback": float((read == played).float().mean()),
        "code_effect_agreement": explained_variance(effects),
    }


def _codes(world: WorldModel, data: VideoDataset, rng: np.random.Generator) -> dict[str, float]:
    """How many codes are in use, and what they say of the true actions, over whole episodes."""
    codes, actions = [], []
    for index in rng.permutation(len(data))[:100]:
        episode = data.episode(int(index))
        codes.append(infer_actions(world, torch.from_numpy(episode.frames)[None])[0].cpu().numpy())
        if episode.actions is not None and episode.actions.ndim == 1:
            actions.append(episode.actions)
    all_codes = np.concatenate(codes)
    share = np.bincount(all_codes, minlength=world.num_actions) / len(all_codes)
    out = {"code_perplexity": perplexity(all_codes, world.num_actions), "codes_above_1_percent": float((share > 0.01).sum())}
    out["code_action_mi_bits"] = mutual_information_bits(all_codes, np.concatenate(actions)) if actions else float("nan")
    return out


def _outcomes(world: WorldModel, data: VideoDataset, rng: np.random.Generator) -> dict[str, float]:
    """How well reward and end of episode are told, on real clips; ends are drawn often and weighted down by as much."""
    chances, rewarded, ended, weights = [], [], [], []
    for _ in range(OUTCOME_BATCHES):
        clips, weight = data.sample_labelled(rng, 32, world.config.dynamics.window, end_share=0.5)
        assert clips.rewards is not None
        assert clips.terminated is not None
        video = as_float(torch.from_numpy(clips.frames).to(world.device))
        features = world.dynamics.features(world.tokenizer.encode(video)[1], world.latent_actions.infer(video).codes)
        chances.append(world.outcome_head(features[:, -1]).float().softmax(-1).cpu().numpy())
        rewarded.append(clips.rewards[:, -1] != 0)
        ended.append(clips.terminated[:, -1])
        weights.append(weight)
    chance, weight = np.concatenate(chances), np.concatenate(weights)
    known = world.outcome_head.outcomes
    reward, end = (
        chance @ np.array(flags, float) for flags in ([o.reward != 0 for o in known], [o.terminated for o in known])
    )
    return {
        "reward_auc": auc(reward, np.concatenate(rewarded), weight),
        "termination_auc": auc(end, np.concatenate(ended), weight),
        "termination_calibration_error": calibration_error(end, np.concatenate(ended), weight),
        "termination_rate_predicted": float(np.average(end, weights=weight)),
        "termination_rate_real": float(np.average(np.concatenate(ended), weights=weight)),
    }


def _drift(
    world: WorldModel, data: VideoDataset, rng: np.random.Generator, rows: int, config: EvaluateConfig
) -> dict[str, float]:
    """One long rollout a row, led by latent actions read off real video, against real frames' statistics."""
    starts = torch.from_numpy(data.sample_clips(rng, rows, 1)[:, 0])
    real = torch.from_numpy(np.concatenate([data.sample_clips(rng, 32, 1)[:, 0] for _ in range(32)])).to(world.device)
    tokens = torch.cat([world.tokenizer.encode(as_float(part[:, None]))[1][:, 0] for part in real.split(64)])
    counts = torch.bincount(tokens.flatten(), minlength=world.config.tokenizer.codebook_size).float() + 0.5
    code_nll = -(counts / counts.sum()).log()
    reference = frame_statistics(real, tokens, code_nll)
    actions = _long_actions(world, data, rng, rows, max(DRIFT_FRAMES))
    state = world.reset(row_seeds(config.seed, rows), starts)
    out: dict[str, float] = {}
    moved = torch.zeros(rows, device=world.device)
    for t in tqdm(range(1, max(DRIFT_FRAMES) + 1), desc="drift", disable=None):
        before = state.frames
        state, _ = world.step(state, actions[:, t - 1])
        if 57 <= t <= 64:
            moved = torch.maximum(moved, (state.frames.float() - before.float()).abs().mean((1, 2, 3)))
        if t in DRIFT_FRAMES:
            out[f"drift_{t}"] = drift(reference, frame_statistics(state.frames, state.tokens, code_nll))
    out["still_share_64"] = float((moved < STILL).float().mean())
    out["real_still_share"] = _real_still_share(data, rng)
    return out


def _long_actions(world: WorldModel, data: VideoDataset, rng: np.random.Generator, rows: int, steps: int) -> Tensor:
    """Latent actions of real episodes, joined until they are long enough: [rows, steps]."""
    out = []
    for _ in range(rows):
        parts: list[Tensor] = []
        while sum(len(part) for part in parts) < steps:
            frames = data.frames(int(rng.integers(len(data))))
            parts.append(infer_actions(world, torch.from_numpy(frames)[None])[0])
        out.append(torch.cat(parts)[:steps])
    return torch.stack(out)


def _real_still_share(data: VideoDataset, rng: np.random.Generator) -> float:
    """The share of real 9-frame clips in which nothing moves."""
    clips = data.sample_clips(rng, 256, 9).astype(np.int16)
    return float((np.abs(np.diff(clips, axis=1)).mean((2, 3, 4)).max(1) < STILL).mean())
