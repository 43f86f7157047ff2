from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from genie_gym.datasets.play import Assignment, Step, play
from genie_gym.datasets.record import Enough, record
from genie_gym.datasets.recording import Recording, parse_mix
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.files import part_of


class CountingEnv(gym.Env):
    """Frames show how many steps were made (red), the last action (green) and the level (blue). Ends after
    `length` steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 7}
    observation_space = gym.spaces.Box(0, 255, (16, 16, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, length: int = 5, render_mode: str | None = None):
        self.length, self.render_mode = length, render_mode

    def _frame(self, action: int) -> np.ndarray:
        frame = np.zeros((16, 16, 3), np.uint8)
        frame[..., 0], frame[..., 1], frame[..., 2] = self.steps, action, self.level
        return frame

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.level = 0, int(self.np_random.integers(256))
        return self._frame(0), {}

    def step(self, action):
        self.steps += 1
        return self._frame(action), float(self.steps), self.steps == self.length, False, {}


class RepeatingEnv(CountingEnv):
    """Never shows the frame it ends with, but that before it once more. Every other episode is a single step."""

    metadata = {**CountingEnv.metadata, "shows_terminal_frame": False}
    episodes = 0

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        self.length = (1, 5)[self.episodes % 2]
        return super().reset(seed=seed)

    def step(self, action):
        before = self._frame(self.last if self.steps else 0)
        self.last = action
        frame, reward, terminated, truncated, info = super().step(action)
        return before if terminated else frame, reward, terminated, truncated, info


gym.register("Test/Counting-v0", entry_point=CountingEnv)
gym.register("Test/Repeating-v0", entry_point=RepeatingEnv)


def test_any_gymnasium_id_is_recorded_with_aligned_labels(tmp_path):
    mix = {"sticky": 0.5, "random": 0.5}
    recording = Recording(env_id="Test/Counting-v0", env_kwargs={"length": 6}, mix=mix, num_envs=3)
    record(recording, tmp_path / "v.h5", 40)
    data = VideoDataset(tmp_path / "v.h5")
    assert data.num_frames >= 40
    assert data.fps == 7
    for episode in data:
        assert episode.frames[:, 0, 0, 0].tolist() == list(range(7))  # the last frame too, none of the next episode
        assert np.array_equal(episode.frames[1:, 0, 0, 1], episode.actions)  # actions[t] leads to frames[t + 1]
        assert episode.rewards.tolist() == [1, 2, 3, 4, 5, 6]
        assert episode.terminated.tolist() == [False] * 5 + [True]
    assert {episode.behaviour for episode in data} == {"sticky", "random"}


def test_a_last_frame_that_only_repeats_is_dropped_and_its_reward_kept(tmp_path):
    recording = Recording(env_id="Test/Repeating-v0", num_envs=2, mix={"random": 1.0})
    record(recording, tmp_path / "v.h5", 20)
    for episode in VideoDataset(tmp_path / "v.h5"):  # none of the single steps: nothing of them could be seen
        assert episode.frames[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
        assert np.array_equal(episode.frames[1:, 0, 0, 1], episode.actions)
        assert episode.rewards.tolist() == [1, 2, 3, 4 + 5]
        assert episode.terminated.tolist() == [False, False, False, True]


@pytest.mark.parametrize("name", ["Counting", "Repeating"])
def test_episodes_that_are_cut_off_did_not_end_and_keep_all_frames(name, tmp_path):
    recording = Recording(env_id=f"Test/{name}-v0", num_envs=2, max_episode_steps=3, mix={"random": 1.0})
    record(recording, tmp_path / "v.h5", 16)
    for episode in VideoDataset(tmp_path / "v.h5"):
        assert episode.frames[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
        assert not episode.terminated.any()


def test_shares_of_the_mix_are_kept(tmp_path):
    recording = Recording(env_id="Test/Counting-v0", num_envs=4, mix={"random": 0.9, "sticky": 0.1})
    record(recording, tmp_path / "v.h5", 1200)
    names = [episode.behaviour for episode in VideoDataset(tmp_path / "v.h5")]
    assert 0.03 < names.count("sticky") / len(names) < 0.2


def test_the_same_recording_comes_again_and_a_long_enough_one_is_left_alone(tmp_path):
    recording = Recording(env_id="Test/Counting-v0", num_envs=2, mix={"random": 1.0})
    part_of(tmp_path / "b.h5").write_bytes(b"what a crash left, and nobody wants to resume")
    for name in ("a", "b"):
        record(recording, tmp_path / f"{name}.h5", 30)
    a, b = (np.stack([episode.actions for episode in VideoDataset(tmp_path / f"{name}.h5")]) for name in "ab")
    assert np.array_equal(a, b)
    before = VideoDataset(tmp_path / "a.h5").num_frames
    record(recording, tmp_path / "a.h5", 30, resume=True)
    assert VideoDataset(tmp_path / "a.h5").num_frames == before >= 30


@pytest.mark.parametrize("crash", [False, True])
def test_a_resumed_recording_never_plays_what_is_there_already(crash, tmp_path):
    recording = Recording(env_id="Test/Counting-v0", env_kwargs={"length": 30}, num_envs=1, mix={"random": 1.0})
    record(recording, tmp_path / "v.h5", 31)
    if crash:
        (tmp_path / "v.h5").rename(part_of(tmp_path / "v.h5"))
    for frames in (62, 93):
        record(recording, tmp_path / "v.h5", frames, resume=True)
    episodes = list(VideoDataset(tmp_path / "v.h5"))
    assert len({tuple(episode.actions) for episode in episodes}) == 3
    assert len({int(episode.frames[0, 0, 0, 2]) for episode in episodes}) == 3


def test_rendered_sources_and_resizing(tmp_path):
    recording = Recording(env_id="CartPole-v1", num_envs=2, size=(48, 64), mix={"random": 1.0})
    try:
        record(recording, tmp_path / "v.h5", 30)
    except gym.error.DependencyNotInstalled:
        pytest.skip("pygame is not installed")
    assert VideoDataset(tmp_path / "v.h5").frames(0).shape[1:] == (48, 64, 3)


def test_recording_resumes_with_other_randomness(tmp_path):
    for resume in (False, True):
        recording = Recording(env_id="Test/Counting-v0", num_envs=2, mix={"random": 1.0})
        record(recording, tmp_path / "v.h5", 30 + 30 * resume, resume)
    data = VideoDataset(tmp_path / "v.h5")
    assert data.num_frames >= 60
    actions = [tuple(episode.actions) for episode in data]
    assert len(set(actions)) > len(actions) // 2


def test_the_real_simulator_drops_the_frame_it_never_shows(tmp_path):
    pytest.importorskip("gym3")
    options = {"use_backgrounds": False, "restrict_themes": True, "num_levels": 20}
    recording = Recording(
        env_id="GenieSim/CoinRun-v0", env_kwargs=options, num_envs=8, max_episode_steps=150, mix={"directed": 1.0}
    )
    record(recording, tmp_path / "v.h5", 3000)
    data = VideoDataset(tmp_path / "v.h5")
    assert data.source["env_id"] == "GenieSim/CoinRun-v0"
    rewards = [episode.rewards for episode in data if episode.terminated[-1]]
    assert any(r[-1] == 10 for r in rewards)
    assert all((r[:-1] == 0).all() for r in rewards)


class UnevenRows:
    """Rows without an environment, whose every fourth episode is long, at random."""

    num_envs = 8

    def __init__(self, seed):
        self.rng, self.left = np.random.default_rng(seed), [0] * self.num_envs

    def begin(self, assignments):
        for row in assignments:
            self.left[row] = 23 if self.rng.random() < 0.25 else 3

    def look(self, row):
        return 0, {}

    def step(self, actions):
        self.left = [left - 1 for left in self.left]
        ends = np.array(self.left) == 0
        return actions, Step(
            [0] * self.num_envs, np.zeros(self.num_envs), ends, np.zeros(self.num_envs, bool), [""] * self.num_envs
        )


class Idle:
    def begin(self): ...

    def act(self, observation, info):
        return np.array(0)


def test_long_episodes_are_kept_as_often_as_they_are_begun():
    """Keeping only those that are finished when the frames are enough left one in five."""
    lengths: list[int] = []
    for seed in range(100):
        kept: list[int] = []
        enough = Enough(800, lambda kept=kept: sum(kept))
        to_begin = lambda row: None if enough.to_begin_no_more() else Assignment(Idle)  # noqa: E731, B023
        for played in play(UnevenRows(seed), to_begin, is_enough=enough.to_cut_off):
            assert played.terminated  # none was cut off
            kept.append(len(played.observations))
        assert 800 <= sum(kept) <= 1000
        lengths += kept
    assert set(lengths) == {4, 24}
    assert np.mean(np.array(lengths) == 24) == pytest.approx(0.25, abs=0.015)


def test_an_environment_that_never_ends_stops_all_the_same(tmp_path):
    recording = Recording(env_id="Test/Counting-v0", env_kwargs={"length": 0}, num_envs=4, mix={"random": 1.0})
    record(recording, tmp_path / "v.h5", 100)
    data = VideoDataset(tmp_path / "v.h5")
    assert len(data) == 4
    assert 125 <= data.num_frames < 130
    assert not any(episode.terminated.any() for episode in data)
    data.close()
    record(recording, tmp_path / "v.h5", 200, resume=True)
    assert 250 <= VideoDataset(tmp_path / "v.h5").num_frames < 256


class DictActionsEnv(CountingEnv):
    action_space = gym.spaces.Dict({"keys": gym.spaces.MultiBinary(3), "mouse": gym.spaces.Box(-1, 1, (2,))})


class ManyKeysEnv(CountingEnv):
    action_space = gym.spaces.MultiDiscrete([3, 2])

    def step(self, action):
        return super().step(action[0])


gym.register("Test/DictActions-v0", entry_point=DictActionsEnv)
gym.register("Test/ManyKeys-v0", entry_point=ManyKeysEnv)


def test_actions_that_no_behaviour_plays_are_refused(tmp_path):
    with pytest.raises(GenieGymError, match=r"Test/DictActions-v0 takes actions of the kind Dict.*wrap it"):
        record(Recording(env_id="Test/DictActions-v0"), tmp_path / "v.h5", 5)
    assert not list(tmp_path.iterdir())
    record(Recording(env_id="Test/ManyKeys-v0", num_envs=2), tmp_path / "v.h5", 20)
    assert VideoDataset(tmp_path / "v.h5").episode(0).actions.shape == (5, 2)


class CameraEnv(CountingEnv):
    """Observes a picture and a map, renders something else."""

    observation_space = gym.spaces.Dict(
        {
            "map": gym.spaces.Box(0, 255, (8, 10), np.uint8),
            "speed": gym.spaces.Box(-1, 1, (2,)),
            "eyes": gym.spaces.Dict({"left": gym.spaces.Box(0, 1, (3, 6, 8), np.float32)}),
        }
    )

    def _frame(self, action):
        picture = np.full((3, 6, 8), 0.2, np.float32)
        picture[0] = 1
        return {"map": np.full((8, 10), 7, np.uint8), "speed": np.zeros(2, np.float32), "eyes": {"left": picture}}

    def render(self):
        return np.full((12, 16, 3), 99, np.uint8)


gym.register("Test/Camera-v0", entry_point=CameraEnv)


@pytest.mark.parametrize(
    ("key", "shape", "pixel"),
    [
        (None, (12, 16), [99] * 3),
        ("render", (12, 16), [99] * 3),
        ("map", (8, 10), [7] * 3),
        ("eyes/left", (6, 8), [255, 51, 51]),
    ],
)
def test_the_image_key_says_what_is_recorded(key, shape, pixel, tmp_path, capsys):
    recording = Recording(env_id="Test/Camera-v0", num_envs=2, image_key=key)
    record(recording, tmp_path / "v.h5", 10)
    data = VideoDataset(tmp_path / "v.h5")
    assert data.frames(0).shape[1:] == (*shape, 3)
    assert data.frames(0)[-1, 0, 0].tolist() == pixel
    assert data.source["image_key"] == key
    offered = "--image-key eyes/left or --image-key map" in capsys.readouterr().err
    assert offered == (key is None)
    data.close()
    another = replace(recording, image_key="map" if key != "map" else None, size=shape)
    with pytest.raises(GenieGymError, match=r"begun with other settings.*image_key"):
        record(another, tmp_path / "v.h5", 20, resume=True)


def test_a_wrong_image_key_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(GenieGymError, match=r"'mapp'.*map hold images. Did you mean 'map'"):
        record(Recording(env_id="Test/Camera-v0", image_key="mapp"), tmp_path / "v.h5", 10)
    with pytest.raises(GenieGymError, match="leave --image-key out"):
        record(Recording(env_id="Test/Counting-v0", image_key="screen"), tmp_path / "v.h5", 10)
    with pytest.raises(GenieGymError, match="leave --image-key out"):
        record(Recording(env_id="GenieSim/Arm-v0", image_key="rgb"), tmp_path / "v.h5", 10)
    assert not list(tmp_path.iterdir())


def test_unknown_sources_and_behaviours(tmp_path):
    with pytest.raises(GenieGymError, match="Did you mean 'GenieSim/CoinRun-v0'"):
        record(Recording(env_id="GenieSim/CoinRunn-v0"), tmp_path / "v.h5", 5)
    with pytest.raises(GenieGymError, match="Did you mean 'sticky'"):
        record(Recording(env_id="Test/Counting-v0", mix={"stiky": 1.0}), tmp_path / "v.h5", 5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "mix"), [("sticky", {"sticky": 1.0}), ("sticky=1,directed=3", {"sticky": 0.25, "directed": 0.75})]
)
def test_the_mix_is_read(text, mix):
    assert parse_mix(text) == mix


@pytest.mark.parametrize("text", ["sticky=x", "sticky=-1", "sticky=0"])
def test_a_bad_mix_is_refused(text):
    with pytest.raises(GenieGymError, match="mix"):
        parse_mix(text)
