"""A policy that imitates: of each recorded frame the key that was pressed then, and what was still to be earned.

Behavioural cloning (Pomerleau 1989) into the networks of a stable-baselines3 model, its critic included, so that the model's
own algorithm can go on from there.

Legend: F frames, B of them in a batch, K keys, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.signal import lfilter
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch.nn import functional

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress

BATCH = 128
VALUE_WEIGHT, MAX_GRADIENT = 0.5, 0.5  # stable-baselines3's own, of PPO
TURNS = ("turn left", "turn right")  # keys of who sees with the agent's eyes


@dataclass(frozen=True)
class Demonstrations:
    """What was done in the episodes of a recording that brought a reward.

    Attributes:
        where: (episode, frame) of each. actions: the key pressed there. returns: the discounted rewards from there on.
    """

    data: VideoDataset
    where: Int[np.ndarray, "F 2"]
    actions: Int[np.ndarray, " F"]
    returns: Float[np.ndarray, " F"]

    @classmethod
    def of(cls, data: VideoDataset, gamma: float) -> Demonstrations:
        """Raises `GenieGymError` for a recording without labels, and where no episode brought a reward."""
        if not data.has_labels():
            raise GenieGymError(f"{data.paths[0]} has frames only; who imitates needs actions: record an environment.")
        where, actions, returns = [], [], []
        for index in range(len(data)):
            told = data.clip_labels([(index, 0)], int(data.lengths[index]))
            rewards = told["rewards"][0]
            if not (rewards > 0).any():
                continue
            where.append(np.stack([np.full(len(rewards), index), np.arange(len(rewards))], 1))
            actions.append(told["actions"][0])
            returns.append(lfilter([1], [1, -gamma], rewards[::-1])[::-1].astype(np.float32))
        if not where:
            raise GenieGymError(f"no episode in {data.paths[0]} brought a reward; record an expert: --mix expert=1.")
        return cls(data, np.concatenate(where), np.concatenate(actions), np.concatenate(returns))

    def frames(self, chosen: Int[np.ndarray, " B"]) -> UInt8[np.ndarray, "B H W 3"]:
        return self.data.clips([(int(e), int(t)) for e, t in self.where[chosen]], 1)[:, 0]


def imitate(
    model: OnPolicyAlgorithm, shown: Demonstrations, steps: int, seed: int, meanings: Sequence[str] | None = None
) -> None:
    """Trains the model's policy, a `CnnPolicy` on frames, for so many batches.

    Half of the frames are shown mirrored, with mirrored keys, where the keys (`meanings`) are those of somebody who turns
    left and right. Seen from the side or from above, the mirror may be another game.

    Raises:
        GenieGymError: the recording's frames or keys are not the environment's.
    """
    _check_fit(model, shown)
    policy, rng, mirror = model.policy, np.random.default_rng(seed), mirrored_keys(meanings or ())
    policy.set_training_mode(True)
    for _ in progress(range(steps), desc="train clone", unit="step"):
        chosen = rng.integers(len(shown.where), size=BATCH)
        frames, actions = shown.frames(chosen), shown.actions[chosen]
        if mirror is not None:
            turned = rng.random(BATCH) < 0.5
            frames[turned], actions[turned] = frames[turned, :, ::-1], mirror[actions[turned]]
        seen = torch.from_numpy(frames).to(policy.device).permute(0, 3, 1, 2)
        values, chances, _ = policy.evaluate_actions(seen, torch.from_numpy(actions).to(policy.device))
        wanted = torch.from_numpy(shown.returns[chosen]).to(policy.device)
        loss = VALUE_WEIGHT * functional.mse_loss(values.flatten(), wanted) - chances.mean()
        policy.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), MAX_GRADIENT)
        policy.optimizer.step()


def mirrored_keys(meanings: Sequence[str]) -> Int[np.ndarray, " K"] | None:
    """Of each key the one that does the same to the other side; None for keys that do not turn left and right."""
    if not set(TURNS) <= set(meanings):
        return None
    sides = {"left": "right", "right": "left"}
    return np.array([list(meanings).index(" ".join(sides.get(word, word) for word in key.split())) for key in meanings])


def _check_fit(model: OnPolicyAlgorithm, shown: Demonstrations) -> None:
    space, path = model.action_space, shown.data.paths[0]
    if not isinstance(space, gym.spaces.Discrete):
        raise GenieGymError(f"who imitates presses keys, and this environment takes {space}: choose action_mode keyboard.")
    if shown.actions.ndim > 1 or shown.actions.max() >= space.n:
        raise GenieGymError(f"{path} was recorded with other actions than {space}; record with this environment's.")
    recorded, seen = (3, shown.data.height, shown.data.width), model.observation_space.shape
    if recorded != seen:
        raise GenieGymError(f"frames of {path} are {recorded}, and this environment's {seen}; record at its size.")
