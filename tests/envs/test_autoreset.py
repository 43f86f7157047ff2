"""What follows an episode's end, compared with Gymnasium's own vector environment, and its vector wrappers on top."""

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers
from tiny_world import TinyWorld

from genie_gym.datasets.play import VectorRows
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError


class OnDemand(TinyWorld):
    """Ends where the third number of an action is -1."""

    def step(self, state, actions):
        following, prediction = super().step(state, actions)
        prediction.terminated = actions[:, 2] == -1
        return following, prediction


def script(steps: int, rows: int) -> np.ndarray:
    """Actions [steps, rows, 3]; each row ends now and then."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.9, 0.9, (steps, rows, 3)).astype(np.float32)
    actions[..., 2][rng.random((steps, rows)) < 0.2] = -1
    return actions


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_rows_end_and_begin_as_in_gymnasiums_own_vector_environment(mode):
    world = OnDemand()
    mine = GenieVectorEnv(3, world, autoreset_mode=mode, max_episode_steps=4, render_mode="rgb_array")
    theirs = gym.vector.SyncVectorEnv([lambda: GenieEnv(world, max_episode_steps=4)] * 3, autoreset_mode=mode)
    assert mine.metadata["autoreset_mode"] == mode
    observations, info = mine.reset(seed=5)
    expected, their_info = theirs.reset(seed=5)
    assert np.array_equal(observations, expected)
    ended = 0
    for actions in script(40, 3):
        observations, rewards, terminated, truncated, info = mine.step(actions)
        expected = theirs.step(actions)
        assert np.array_equal(observations, expected[0])
        for value, their in zip((rewards, terminated, truncated), expected[1:4], strict=True):
            assert np.array_equal(value, their)
            assert value.dtype == their.dtype
        their_info = expected[4]
        assert np.array_equal(info["depth"], their_info["depth"])
        assert ("final_obs" in info) == ("final_obs" in their_info)
        if "final_obs" in info:
            assert np.array_equal(info["_final_obs"], their_info["_final_obs"])
            for row in np.flatnonzero(info["_final_obs"]):
                assert np.array_equal(info["final_obs"][row], their_info["final_obs"][row])
        assert np.array_equal(np.stack(mine.render()), observations)
        ended += (terminated | truncated).sum()
    assert ended > 20
    mask = np.array([True, False, True])  # a reset from outside also clears what was waiting
    arguments = {"seed": [8, None, None], "options": {"reset_mask": mask}}
    assert np.array_equal(mine.reset(**arguments)[0], theirs.reset(seed=[8, None, None], options={"reset_mask": mask})[0])
    for actions in script(6, 3):
        assert np.array_equal(mine.step(actions)[0], theirs.step(actions)[0])


def test_a_row_that_waits_to_begin_travels_with_the_state():
    envs = GenieVectorEnv(2, OnDemand(), autoreset_mode="NEXT_STEP")
    envs.reset(seed=0)
    end, go_on = np.float32([0.5, 0, -1]), np.float32([0.5, 0, 0.5])
    envs.step(np.stack([end, go_on]))
    saved = envs.save_state()
    assert saved.ended.tolist() == [True, False]
    first = envs.step(np.stack([go_on, go_on]))
    envs.reset(seed=9)
    envs.load_state(saved)
    again = envs.step(np.stack([end, go_on]))  # whatever the action of the row that begins
    assert again[1].tolist() == [0.0, 0.5]
    assert not again[2].any()
    assert np.array_equal(first[0], again[0])
    assert envs.save_state().steps.tolist() == [0, 2]


def test_rewards_are_float32_in_torch_and_float64_in_numpy():
    for output, kind in (("torch", torch.float32), ("numpy", np.float64)):
        envs = GenieVectorEnv(2, OnDemand(), output=output)
        envs.reset(seed=0)
        assert envs.step(np.zeros((2, 3), np.float32))[1].dtype == kind


def test_the_loop_of_episodes_refuses_next_step():
    with pytest.raises(GenieGymError, match="NEXT_STEP"):
        VectorRows(GenieVectorEnv(2, OnDemand(), autoreset_mode="NEXT_STEP"))


Wrap = Callable[[gym.vector.VectorEnv], gym.vector.VectorEnv]
FRAMES: dict[str, Wrap] = {
    "ClipAction": wrappers.ClipAction,
    "ClipReward": lambda envs: wrappers.ClipReward(envs, -0.1, 0.1),
    "DictInfoToList": wrappers.DictInfoToList,
    "DtypeObservation": lambda envs: wrappers.DtypeObservation(envs, np.float32),
    "FlattenObservation": wrappers.FlattenObservation,
    "GrayscaleObservation": wrappers.GrayscaleObservation,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "NumpyToTorch": lambda envs: wrappers.NumpyToTorch(envs),
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "RescaleAction": lambda envs: wrappers.RescaleAction(envs, np.float32(-2), np.float32(2)),
    "ReshapeObservation": lambda envs: wrappers.ReshapeObservation(envs, (48, 144)),
    "ResizeObservation": lambda envs: wrappers.ResizeObservation(envs, (24, 24)),
    "TransformAction": lambda envs: wrappers.TransformAction(envs, lambda actions: actions / 2),
    "TransformObservation": lambda envs: wrappers.TransformObservation(envs, lambda seen: seen // 2),
    "TransformReward": lambda envs: wrappers.TransformReward(envs, lambda rewards: 2 * rewards),
    "VectorizeTransformAction": lambda envs: wrappers.VectorizeTransformAction(
        envs, gym.wrappers.TransformAction, func=lambda action: action / 2, action_space=envs.single_action_space
    ),
    "VectorizeTransformObservation": lambda envs: wrappers.VectorizeTransformObservation(
        envs,
        gym.wrappers.TransformObservation,
        func=lambda seen: seen // 2,
        observation_space=envs.single_observation_space,
    ),
    "VectorizeTransformReward": lambda envs: wrappers.VectorizeTransformReward(
        envs, gym.wrappers.TransformReward, func=lambda reward: 2 * reward
    ),
}
# What needs something else than frames in NumPy: another array library, floats, dictionaries, a window, a folder.
OTHER = {
    "ArrayConversion", "JaxToNumpy", "JaxToTorch", "RescaleObservation", "FilterObservation", "HumanRendering",
    "RecordVideo",
}  # fmt: skip
# What changes observations one by one cannot write them into a dense `final_obs`, which TorchRL needs under SAME_STEP.
CHANGES_OBSERVATIONS = {name for name in FRAMES if name.endswith("Observation")}
NOT_SAME_STEP = [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED]
MODES = {name: NOT_SAME_STEP if name in CHANGES_OBSERVATIONS else list(AutoresetMode) for name in FRAMES}
MODES["NormalizeObservation"] = [AutoresetMode.NEXT_STEP]  # it says so itself
NEEDS = {"NumpyToTorch": "array_api_compat", "ResizeObservation": "cv2"}


def test_every_vector_wrapper_of_gymnasium_is_tried():
    assert {*FRAMES, *OTHER} == set(wrappers.__all__)


def run(envs: gym.vector.VectorEnv) -> None:
    envs.reset(seed=0)
    for actions in script(12, envs.num_envs):
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        over = np.asarray(terminated | truncated)
        if envs.unwrapped.autoreset_mode == AutoresetMode.DISABLED and over.any():
            envs.reset(options={"reset_mask": over})
    assert len(rewards) == len(terminated) == len(truncated) == envs.num_envs
    if isinstance(observations, np.ndarray):
        assert observations.shape == envs.observation_space.shape


@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name, modes in MODES.items() for mode in modes])
def test_gymnasiums_vector_wrappers_run_on_it(name, mode):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="this wrapper of Gymnasium's needs it")
    run(FRAMES[name](GenieVectorEnv(2, OnDemand(), autoreset_mode=mode, max_episode_steps=4)))


def test_wrappers_of_floats_and_dictionaries_run_on_it():
    def make(**options) -> GenieVectorEnv:
        return GenieVectorEnv(2, OnDemand(), autoreset_mode="NEXT_STEP", max_episode_steps=4, **options)

    run(wrappers.RescaleObservation(make(obs=("depth",)), np.float32(0), np.float32(1)))
    envs = wrappers.FilterObservation(make(obs=("rgb", "depth")), ["depth"])
    run(envs)
    assert set(envs.observation_space) == {"depth"}


def test_gymnasiums_vector_video_shows_it(tmp_path):
    pytest.importorskip("moviepy", reason="Gymnasium writes videos with it")
    envs = GenieVectorEnv(2, OnDemand(), autoreset_mode="NEXT_STEP", render_mode="rgb_array")
    run(wrappers.RecordVideo(envs, str(tmp_path), step_trigger=lambda step: step == 1, video_length=3))
    assert list(tmp_path.glob("*.mp4"))
