import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

from genie_gym.agents.clone import Demonstrations, imitate, mirrored_keys
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.envs.sim.town.keys import FORWARD, KEYBOARD, LEFT, NOOP, RIGHT
from genie_gym.errors import GenieGymError

SIZE = 40


class Seen(gym.Env):
    """Something with frames and keys, for its spaces."""

    action_space = gym.spaces.Discrete(len(KEYBOARD))

    def __init__(self, size: int = SIZE):
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)


def pillar(at: int) -> np.ndarray:
    frame = np.full((SIZE, SIZE, 3), 40, np.uint8)
    frame[:, at : at + 4] = 250
    return frame


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Who sees the pillar on the left turns left, and goes on when it is ahead, to a reward; who earns none does nothing."""
    path = tmp_path_factory.mktemp("clone") / "shown.h5"
    with VideoWriter(path, SIZE, SIZE, 24.0, {"action_meanings": list(KEYBOARD)}) as writer:
        for keys, reward in (([LEFT, LEFT, FORWARD, FORWARD], 1.0), ([NOOP] * 4, 0.0)):
            frames = np.stack([pillar(at) for at in (4, 8, 18, 18, 18)])
            rewards, ended = np.array([0, 0, 0, reward], np.float32), np.array([False, False, False, True])
            writer.append(Episode(frames, np.array(keys), rewards, ended))
    return path


def test_rewarded_episodes_are_shown_with_what_was_still_to_be_earned(recording):
    shown = Demonstrations.of(VideoDataset(recording), gamma=0.5)
    assert shown.actions.tolist() == [LEFT, LEFT, FORWARD, FORWARD]
    assert shown.returns.tolist() == [0.125, 0.25, 0.5, 1]
    assert (shown.frames(np.array([1, 2])) == np.stack([pillar(8), pillar(18)])).all()


def test_a_clone_does_what_it_was_shown_and_the_same_to_the_other_side(recording):
    model = PPO("CnnPolicy", Seen(), seed=0)
    imitate(model, Demonstrations.of(VideoDataset(recording), 0.5), steps=80, seed=0, meanings=tuple(KEYBOARD))
    frames = np.stack([pillar(4), pillar(18), pillar(SIZE - 8)])
    assert model.predict(frames, deterministic=True)[0].tolist() == [LEFT, FORWARD, RIGHT]
    values = model.policy.predict_values(model.policy.obs_to_tensor(frames)[0]).flatten()
    assert values[1] > values[0] + 0.2  # nearer to the reward


def test_only_who_turns_left_and_right_has_a_mirror():
    assert mirrored_keys(tuple(KEYBOARD)).tolist() == [0, 1, 2, 4, 3, 6, 5, 7, 8, 9, 10]
    assert mirrored_keys(("left", "right", "jump")) is None


def test_what_cannot_be_imitated_is_refused(recording, tmp_path):
    with VideoWriter(tmp_path / "idle.h5", SIZE, SIZE, 24.0, {}) as writer:
        writer.append(Episode(np.stack([pillar(4)] * 2), np.array([NOOP]), np.zeros(1, np.float32), np.array([True])))
    with pytest.raises(GenieGymError, match="brought a reward"):
        Demonstrations.of(VideoDataset(tmp_path / "idle.h5"), 0.9)
    with VideoWriter(tmp_path / "video.h5", SIZE, SIZE, 24.0, {}) as writer:
        writer.append(Episode(np.stack([pillar(4)] * 2)))
    with pytest.raises(GenieGymError, match="frames only"):
        Demonstrations.of(VideoDataset(tmp_path / "video.h5"), 0.9)
    shown = Demonstrations.of(VideoDataset(recording), 0.9)
    with pytest.raises(GenieGymError, match="record at its size"):
        imitate(PPO("CnnPolicy", Seen(SIZE + 8)), shown, 1, 0)
    few = Seen()
    few.action_space = gym.spaces.Discrete(3)
    with pytest.raises(GenieGymError, match="recorded with other actions"):
        imitate(PPO("CnnPolicy", few), shown, 1, 0)
