import gymnasium as gym
import numpy as np
import pytest

from genie_gym.datasets.record import record, record_videos
from genie_gym.datasets.recording import Recording, parse_mix
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.visual import save_mp4


class CountingEnv(gym.Env):
    """Frames show how many steps were made (red) and the last action (green). Ends after `length` steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 7}
    observation_space = gym.spaces.Box(0, 255, (16, 16, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, length: int = 5, render_mode: str | None = None):
        self.length, self.render_mode = length, render_mode

    def _frame(self, action: int) -> np.ndarray:
        frame = np.zeros((16, 16, 3), np.uint8)
        frame[..., 0], frame[..., 1] = self.steps, action
        return frame

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._frame(0), {}

    def step(self, action):
        self.steps += 1
        return self._frame(action), float(self.steps), self.steps == self.length, False, {}


gym.register("Test/Counting-v0", entry_point=CountingEnv)


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


def test_a_folder_of_videos(tmp_path):
    clip = np.random.default_rng(0).integers(0, 255, (1, 32, 48, 3), dtype=np.uint8).repeat(20, 0)
    (tmp_path / "in").mkdir()
    save_mp4(tmp_path / "in" / "a.mp4", clip, 10.0)
    save_mp4(tmp_path / "in" / "b.mp4", clip[:9], 10.0)
    record_videos(tmp_path / "in", tmp_path / "v.h5", None, max_frames=12)
    data = VideoDataset(tmp_path / "v.h5")
    assert sorted(data.lengths) == [8, 9, 12]
    assert not data.has_labels()
    save_mp4(tmp_path / "in" / "c.mp4", clip[:, :16], 10.0)
    with pytest.raises(GenieGymError, match=r"16x48, the others 32x48 .*pass --size"):
        record_videos(tmp_path / "in", tmp_path / "w.h5", None)
    assert not (tmp_path / "w.h5").exists()
    record_videos(tmp_path / "in", tmp_path / "w2.h5", (24, 24))
    assert VideoDataset(tmp_path / "w2.h5").height == 24


def test_empty_folders_and_broken_files(tmp_path):
    with pytest.raises(GenieGymError, match="no video files"):
        record_videos(tmp_path, tmp_path / "v.h5", None)
    (tmp_path / "broken.mp4").write_bytes(b"this is no video")
    with pytest.raises(GenieGymError, match="cannot decode"):
        record_videos(tmp_path, tmp_path / "v.h5", None)
    assert not (tmp_path / "v.h5").exists()


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
