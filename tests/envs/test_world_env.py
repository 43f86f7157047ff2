import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from PIL import Image
from tiny_world import TinyWorld

import genie_gym  # noqa: F401
from genie_gym.envs.registration import WORLDS
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import shipped_worlds


def rollout(envs: GenieVectorEnv, seed: int, steps: int, actions: np.ndarray | None = None) -> list:
    rng = np.random.default_rng(0)
    seen = [envs.reset(seed=seed)[0]]
    for t in range(steps):
        action = rng.integers(8, size=envs.num_envs) if actions is None else actions[t]
        seen.append(envs.step(action))
    return seen


def test_the_single_environment_passes_gymnasiums_own_check(debug_world):
    check_env(GenieEnv(debug_world, render_mode="rgb_array"), skip_render_check=False)


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.parametrize("env_id", WORLDS)
def test_registered_ids_run_on_shipped_weights(env_id, make):
    if WORLDS[env_id] not in shipped_worlds():
        with pytest.raises(GenieGymError, match=f"unknown world '{WORLDS[env_id]}': neither shipped nor a folder"):
            make(env_id)
        return
    env = make(env_id, render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.uint8
    assert observation.shape[-3:] == env.unwrapped.observation_space.shape[-3:]
    env.action_space.seed(0)
    step = env.step(env.action_space.sample())
    assert step[0].shape == observation.shape
    assert np.asarray(env.render()).shape == observation.shape
    env.close()


def test_same_seed_same_trajectory(debug_world):
    envs = GenieVectorEnv(3, debug_world, max_episode_steps=4)
    for first, second in zip(rollout(envs, 5, 10)[1:], rollout(envs, 5, 10)[1:], strict=True):
        for a, b in zip(first[:4], second[:4], strict=True):
            assert np.array_equal(a, b)


def test_row_i_replays_the_single_environment_with_seed_plus_i(debug_world):
    actions = np.random.default_rng(1).integers(8, size=(6, 3))
    seen = rollout(GenieVectorEnv(3, debug_world), 7, 6, actions)
    env = GenieEnv(debug_world)
    assert np.abs(env.reset(seed=9)[0].astype(int) - seen[0][2]).max() <= 1
    for t in range(6):
        observation, reward, terminated, _, _ = env.step(actions[t, 2])
        if seen[t + 1][2][2]:
            assert terminated
            break
        assert np.abs(observation.astype(int) - seen[t + 1][0][2]).max() <= 1
        assert reward == seen[t + 1][1][2]


def test_other_rows_resets_do_not_touch_a_row(debug_world):
    """Rows 0 and 1 end at other times in the two runs; row 2 must not notice, bit for bit."""
    actions = np.random.default_rng(1).integers(8, size=(30, 3))
    other = np.random.default_rng(2).integers(8, size=(30, 3))
    other[:, 2] = actions[:, 2]
    envs = GenieVectorEnv(3, debug_world, max_episode_steps=7)
    first = rollout(envs, 7, 30, actions)[1:]
    envs.reset(seed=[100, 200, 9])
    for t in range(30):
        observation, reward, terminated, truncated, _ = envs.step(other[t])
        assert np.array_equal(observation[2], first[t][0][2])
        assert reward[2] == first[t][1][2]
        assert (terminated[2], truncated[2]) == (first[t][2][2], first[t][3][2])


def test_same_step_autoreset(debug_world):
    envs = GenieVectorEnv(4, debug_world, max_episode_steps=3)
    envs.reset(seed=0)
    ended = np.zeros(4, int)
    for _ in range(3):
        observation, _, terminated, truncated, info = envs.step(np.zeros(4, int))
        done = terminated | truncated
        ended += done
        if done.any():
            assert info["final_obs"].dtype == np.uint8  # dense: TorchRL and array wrappers need it
            assert info["final_obs"].shape == observation.shape
            assert np.array_equal(info["_final_obs"], done)
            assert not np.array_equal(info["final_obs"][done], observation[done])
            assert np.array_equal(info["final_obs"][~done], observation[~done])
    assert (ended >= 1).all()


def test_disabled_autoreset_resets_the_masked_rows_only(debug_world):
    envs = GenieVectorEnv(4, debug_world, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(seed=0)
    before = envs.step(np.ones(4, int))[0]
    mask = np.array([True, False, True, False])
    after, _ = envs.reset(seed=[11, None, None, None], options={"reset_mask": mask})
    assert np.array_equal(before[~mask], after[~mask])
    again, _ = envs.reset(seed=[11, None, None, None], options={"reset_mask": np.array([True, False, False, False])})
    assert np.array_equal(after[0], again[0])
    assert envs.save_state().steps.tolist() == [0, 1, 0, 1]


def test_saved_states_branch(debug_world):
    envs = GenieVectorEnv(2, debug_world)
    envs.reset(seed=0)
    envs.step(np.array([1, 2]))
    saved = envs.save_state()
    other = GenieVectorEnv(2, debug_world)  # never reset
    futures = []
    for branch in (envs, envs, other):
        branch.load_state(saved)
        futures.append([branch.step(np.array([a, a]))[0] for a in (3, 4, 5)])
        branch.reset(seed=9)
    assert all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(*futures, strict=True))
    with pytest.raises(GenieGymError, match="2 rows"):
        GenieVectorEnv(3, debug_world).load_state(saved)


def test_torch_output_stays_in_torch_and_allows_gradients_after(debug_world):
    envs = GenieVectorEnv(2, debug_world, output="torch", max_episode_steps=2)
    envs.reset(seed=0)
    for _ in range(3):
        observation, reward, terminated, truncated, info = envs.step(torch.tensor([0, 1]))
        arrays = [observation, reward, terminated, truncated] + ([info["final_obs"]] if "final_obs" in info else [])
        assert all(isinstance(array, torch.Tensor) for array in arrays)
    weight = torch.ones(3, requires_grad=True)
    (observation.float() * weight).sum().backward()  # tensors made under inference_mode would refuse
    assert weight.grad is not None


def test_users_start_frames(debug_world):
    frames = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    envs = GenieVectorEnv(2, debug_world)
    first, _ = envs.reset(seed=0, options={"start_frames": frames})
    second, _ = envs.reset(seed=1, options={"start_frames": frames})
    assert np.array_equal(first, second)
    with pytest.raises(GenieGymError, match="Resize"):
        envs.reset(options={"start_frames": frames[:, :32]})


def test_an_image_of_any_size_begins_episodes(debug_world, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (100, 30, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "start.png")
    from_file = GenieVectorEnv(2, debug_world, init_image=tmp_path / "start.png").reset(seed=0)[0]
    now, _ = GenieVectorEnv(2, debug_world).reset(seed=0, options={"init_image": image})
    assert np.array_equal(from_file, now)
    assert np.array_equal(now[0], now[1])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for bad in (tmp_path / "broken.png", tmp_path / "missing.png", image[..., :2], image.astype(float)):
        with pytest.raises(GenieGymError, match="image"):
            GenieVectorEnv(2, debug_world, init_image=bad)


@pytest.mark.parametrize(
    "actions", [np.array([0, 8]), np.array([-1, 0]), np.array([0.5, 1.0]), np.array([1]), np.zeros((2, 2), int)]
)
def test_wrong_actions_get_one_clear_error(debug_world, actions):
    envs = GenieVectorEnv(2, debug_world)
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="action"):
        envs.step(actions)


def test_bad_options_get_one_clear_error(debug_world):
    for options, words in [
        ({"num_envs": 0}, "at least 1"),
        ({"output": "tourch"}, "Did you mean 'torch'"),
        ({"device": "gpu7"}, "unknown device"),
        ({"start_frames": np.zeros((0, 64, 64, 3), np.uint8)}, "start_frames"),
    ]:
        with pytest.raises(GenieGymError, match=words):
            GenieVectorEnv(**{"num_envs": 2, "world": debug_world} | options)
    with pytest.raises(GenieGymError, match="reset"):
        GenieVectorEnv(2, debug_world).step(np.zeros(2, int))


def test_torchrl_runs_on_it():
    import torchrl.envs as torchrl

    arrays = torchrl.GymWrapper(gym.make_vec("Genie1-v0", num_envs=2, max_episode_steps=3))
    batch = arrays.rollout(5, break_when_any_done=False)
    assert batch["next", "observation"].shape[:2] == (2, 5)
    assert batch["next", "done"].any()
    from torchrl.envs.utils import check_env_specs

    for mode in ("SAME_STEP", "DISABLED"):  # tensors all the way; TorchRL asserts that rewards are float32
        tensors = torchrl.GymWrapper(
            GenieVectorEnv(2, TinyWorld(), output="torch", max_episode_steps=4, autoreset_mode=mode)
        )
        batch = tensors.rollout(6, break_when_any_done=False)
        assert batch["next", "reward"].dtype == torch.float32
        assert batch["next", "done"].any()
        check_env_specs(tensors)
    single = torchrl.GymEnv("genie_gym:Genie1-v0", num_envs=2)  # worker processes: the id brings its import
    assert single.rollout(2).batch_size[0] == 2
    single.close()  # its workers would keep this process alive
