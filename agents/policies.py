"""Policies that act on frames: trained stable-baselines3 policies, loaded without unpickling anything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import gymnasium as gym
import torch
from stable_baselines3.common.policies import ActorCriticCnnPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env.vec_transpose import VecTransposeImage

from genie_gym.errors import GenieGymError


def load_sb3_policy(path: str | Path, observation_space: gym.Space, action_space: gym.Space) -> ActorCriticCnnPolicy:
    """The `CnnPolicy` inside a PPO or A2C zip, for these spaces (image observations HWC).

    SB3's own `load` unpickles parts of the zip, which runs whatever code they hold; here the policy is built anew and
    only its weights are read. So policies with custom `policy_kwargs` are not accepted.
    """
    path = Path(path)
    if not path.is_file():
        raise GenieGymError(f"no policy at {path}; `genie-gym benchmark` and stable-baselines3's save() write such zips.")
    try:
        with zipfile.ZipFile(path) as archive:
            weights = torch.load(io.BytesIO(archive.read("policy.pth")), map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise GenieGymError(f"{path} is not a stable-baselines3 zip: {error}.") from error
    if isinstance(observation_space, gym.spaces.Box) and is_image_space(observation_space):
        observation_space = VecTransposeImage.transpose_space(observation_space)
    policy = ActorCriticCnnPolicy(observation_space, action_space, lr_schedule=lambda _: 0.0)
    try:
        policy.load_state_dict(weights)
    except RuntimeError as error:
        raise GenieGymError(
            f"the policy in {path} does not fit observations {observation_space.shape} and {action_space} "
            "(a PPO or A2C CnnPolicy with default policy_kwargs is expected)."
        ) from error
    policy.set_training_mode(False)
    return policy
