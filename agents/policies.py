"""Policies that act on frames: trained stable-baselines3 policies, loaded without unpickling anything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticCnnPolicy, ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env.vec_transpose import VecTransposeImage

from genie_gym.errors import GenieGymError


def load_sb3_policy(path: str | Path, observation_space: gym.Space, action_space: gym.Space) -> ActorCriticCnnPolicy:
    """The `CnnPolicy` inside a PPO or A2C zip, for these spaces (image observations HWC).

    SB3's own `load` unpickles parts of the zip, which runs whatever code they hold; here the policy is built anew and
    only its weights are read. So policies with custom `policy_kwargs` are not accepted.
    """
    if isinstance(observation_space, gym.spaces.Box) and is_image_space(observation_space):
        observation_space = VecTransposeImage.transpose_space(observation_space)
    policy = ActorCriticCnnPolicy(observation_space, action_space, lr_schedule=lambda _: 0.0, ortho_init=False)
    load_sb3_weights(path, policy)
    policy.set_training_mode(False)
    return policy


def check_zip(path: str | Path) -> None:
    """Raises `GenieGymError` where there is no SB3 zip."""
    if not Path(path).is_file():
        raise GenieGymError(f"no policy at {path}; `genie-gym benchmark` and stable-baselines3's save() write such zips.")


def load_sb3_weights(path: str | Path, policy: ActorCriticPolicy) -> None:
    """Puts the weights of a PPO or A2C zip into a policy. Raises `GenieGymError` where there is none, or it does not fit."""
    path = Path(path)
    check_zip(path)
    try:
        with zipfile.ZipFile(path) as archive:
            weights = torch.load(io.BytesIO(archive.read("policy.pth")), map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise GenieGymError(f"{path} is not a stable-baselines3 zip: {error}.") from error
    try:
        policy.load_state_dict(weights)
    except RuntimeError as error:
        raise GenieGymError(
            f"the policy in {path} does not fit observations {policy.observation_space.shape} and {policy.action_space} "
            "(a PPO or A2C CnnPolicy with default policy_kwargs is expected)."
        ) from error


def draw_action(policy: ActorCriticCnnPolicy, observation: np.ndarray, rng: np.random.Generator) -> Any:
    """An action out of the policy's distribution, by this randomness alone: SB3 itself draws from torch's global one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        return policy.predict(observation, deterministic=False)[0]
