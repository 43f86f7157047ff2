"""Saved moments of learned worlds: they replay to the bit, branch, multiply, and go where they are told."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from tiny_world import TinyWorld

import genie_gym
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.families import FAMILIES
from genie_gym.models.row_random import uniform
from genie_gym.pretrained import save_world

END = -1.0


class Noisy(TinyWorld):
    """What it shows shivers at random; it ends where the third number of an action is -1."""

    family = "noisy"

    def step(self, state, actions):
        shiver = uniform(state.seed, state.position, 3, 2) - 0.5
        moved = torch.cat([(actions[:, :2] / 2 + shiver).clamp(-1, 1), actions[:, 2:]], 1)
        following, prediction = super().step(state, moved)
        prediction.terminated = actions[:, 2] == END
        return following, prediction


def make(rows: int = 3, **options) -> GenieVectorEnv:
    return GenieVectorEnv(rows, Noisy(), **options)


def actions(rows: int, third: float | list[float] = 0.5) -> np.ndarray:
    return np.stack([np.full(rows, 0.3), np.full(rows, -0.2), np.broadcast_to(third, rows)], 1).astype(np.float32)


def play(envs: GenieVectorEnv, steps: int, end_at: int | None = None) -> list[np.ndarray]:
    """The frames of so many steps; all rows end at one of them."""
    return [envs.step(actions(envs.num_envs, END if t == end_at else 0.5))[0] for t in range(steps)]


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_moment_replays_to_the_bit_also_over_the_end_of_its_episode():
    envs = make()
    envs.reset(seed=0)
    play(envs, 3)
    saved = envs.save_state()
    first = play(envs, 8, end_at=4)
    assert not np.array_equal(first[3], first[4])
    envs.load_state(saved)
    assert same(play(envs, 8, end_at=4), first)
    other = make()  # never reset
    other.load_state(saved)
    assert same(play(other, 8, end_at=4), first)


def test_copies_of_one_moment_replay_alike_and_with_a_seed_differ():
    envs = make(2)
    envs.reset(seed=0)
    play(envs, 2)
    moment = envs.save_state().select([1]).repeat(4)
    branches = make(4)
    branches.load_state(moment)
    frames = play(branches, 3)[-1]
    assert all(np.array_equal(frames[0], frame) for frame in frames[1:])
    shown = branches.load_state(moment, seed=0)
    assert all(np.array_equal(shown[0], frame) for frame in shown[1:])  # the moment itself is one and the same
    fresh = play(branches, 3)[-1]
    assert len({frame.tobytes() for frame in (*fresh, frames[0])}) == 5
    branches.load_state(moment, seed=[0, None, 0, 1])
    again = play(branches, 3)[-1]
    for row, like in enumerate((fresh[0], frames[0], fresh[0], fresh[1])):
        assert np.array_equal(again[row], like)


def test_a_seed_reaches_the_episodes_to_come_too():
    envs = make(1)
    envs.reset(seed=0)
    moment = envs.save_state().repeat(3)
    branches = make(3)
    branches.load_state(moment)
    next_episodes = play(branches, 1, end_at=0)[0]
    assert np.array_equal(next_episodes[0], next_episodes[1])
    branches.load_state(moment, seed=5)
    fresh = play(branches, 1, end_at=0)[0]
    assert len({frame.tobytes() for frame in (*fresh, next_episodes[0])}) == 4


def test_rows_take_a_state_and_the_others_stay_bit_for_bit():
    def run(load: bool) -> list[np.ndarray]:
        envs = make(4)
        envs.reset(seed=0)
        play(envs, 2)
        if load:
            shown = envs.load_state(saved, rows=[3, 1])
            assert np.array_equal(shown[[3, 1]], frames)
        return play(envs, 4, end_at=2)

    source = make(2)
    source.reset(seed=50)
    frames = play(source, 5)[-1]
    saved = source.save_state()
    plain, loaded, future = run(False), run(True), play(source, 4, end_at=2)
    for t in range(4):
        assert np.array_equal(plain[t][[0, 2]], loaded[t][[0, 2]])
        assert np.array_equal(future[t], loaded[t][[3, 1]])


def test_rows_are_also_a_mask_and_counters_travel():
    envs = make(3, max_episode_steps=4, autoreset_mode="DISABLED")
    envs.reset(seed=0)
    play(envs, 3)
    saved = envs.save_state()
    envs.reset()
    envs.load_state(saved.select([0]), rows=np.array([False, True, False]))
    assert envs.save_state().steps.tolist() == [0, 3, 0]
    assert envs.step(actions(3))[3].tolist() == [False, True, False]
    now, before = envs.save_state(), saved
    assert now.row_seeds[1] == before.row_seeds[0]
    assert now.episodes.tolist() == [1, 0, 1]
    assert now.ended.tolist() == [False, True, False]


def test_a_state_belongs_to_no_environment():
    envs = make(2)
    envs.reset(seed=0)
    saved = envs.save_state()
    kept = saved.clone()
    for _ in range(2):
        envs.load_state(saved, seed=3)
        envs.load_state(saved.select([0]), rows=[1])
        play(envs, 3, end_at=1)
    assert all(torch.equal(a, b) for a, b in zip(saved.tensors(), kept.tensors(), strict=True))
    again = pickle.loads(pickle.dumps(saved))
    first = play_from(envs, saved)
    assert same(play_from(envs, again), first)


def play_from(envs: GenieVectorEnv, state) -> list[np.ndarray]:
    envs.load_state(state)
    return play(envs, 3, end_at=1)


def test_bad_loads_get_one_sentence(as_users_call):
    envs = make(3)
    envs.reset(seed=0)
    saved = envs.save_state()
    for arguments, words in [
        (dict(state=saved.select([0])), r"has 1 rows, this environment 3; choose with state.select"),
        (dict(state=saved, rows=[0]), "has 3 rows, `rows` names 1"),
        (dict(state=saved.select([0]), rows=[3]), "no row 3"),
        (dict(state=saved.select([0, 1]), rows=[2, 2]), "names a row twice"),
        (dict(state=saved, seed=[1, 2]), "2 seeds for 3 rows"),
        (dict(state=saved, seed=-1), "a seed is"),
        (dict(state=7), "what save_state returned"),
    ]:
        with pytest.raises(GenieGymError, match=words):
            envs.load_state(**arguments)
    with pytest.raises(GenieGymError, match="call reset"):
        make(3).load_state(saved.select([0]), rows=[0])
    assert envs.load_state(saved, rows=[0, 1, 2]).shape[0] == 3


def test_rows_that_ended_go_where_such_rows_are_shown():
    waiting = make(2, autoreset_mode="DISABLED")
    waiting.reset(seed=0)
    waiting.step(actions(2, [END, 0.5]))
    saved = waiting.save_state()
    with pytest.raises(GenieGymError, match="SAME_STEP never shows"):
        make(2).load_state(saved)
    assert make(1).load_state(saved.select(~saved.ended)).shape[0] == 1
    envs = make(2, autoreset_mode="NEXT_STEP")
    envs.load_state(saved)
    assert envs.step(actions(2))[1].tolist() == [0.0, 0.5]  # the first row's step begins its next episode
    assert envs.save_state().episodes.tolist() == [1, 0]


# --- one environment, under the time limit that gym.make adds ---


@pytest.fixture(scope="module")
def env_id(tmp_path_factory):
    path = tmp_path_factory.mktemp("worlds") / "noisy"
    genie_gym.register_family("noisy", Noisy)
    genie_gym.register_world("Noisy-v0", str(path), max_episode_steps=6)
    save_world(Noisy(), path)
    yield "Noisy-v0"
    del FAMILIES["noisy"], gym.registry["Noisy-v0"]


def steps_to_truncation(env: gym.Env) -> int:
    for count in range(1, 50):
        if env.step(actions(1)[0])[3]:
            return count
    raise AssertionError("never truncated")


@pytest.mark.parametrize("limit", [None, 9])
@pytest.mark.parametrize("reach", ["unwrapped", "get_wrapper_attr"])
def test_truncation_counts_the_states_own_steps(env_id, limit, reach):
    env = gym.make(env_id, max_episode_steps=limit)
    limit = limit or 6
    assert env.spec.max_episode_steps == limit
    save, load = (
        getattr(env.unwrapped, name) if reach == "unwrapped" else env.get_wrapper_attr(name)
        for name in ("save_state", "load_state")
    )
    env.reset(seed=0)
    for _ in range(2):
        env.step(actions(1)[0])
    early = save()
    for _ in range(3):
        env.step(actions(1)[0])
    late = save()
    for state, left in ((early, limit - 2), (late, limit - 5), (early, limit - 2)):
        load(state)
        assert steps_to_truncation(env) == left
    env.reset()
    assert steps_to_truncation(env) == limit


def test_truncation_in_another_environment_under_more_wrappers(env_id):
    env = gym.make(env_id)
    env.reset(seed=0)
    for _ in range(4):
        env.step(actions(1)[0])
    saved = env.unwrapped.save_state()
    other = gym.wrappers.RecordEpisodeStatistics(gym.wrappers.TimeLimit(gym.make(env_id, max_episode_steps=-1), 5))
    other.reset(seed=7)
    other.unwrapped.load_state(saved)
    assert steps_to_truncation(other) == 1
    several = gym.make_vec(env_id, num_envs=2, vectorization_mode="sync")
    several.reset(seed=0)
    several.call("load_state", saved)
    assert several.step(actions(2))[3].tolist() == [False, False]
    assert several.step(actions(2))[3].tolist() == [True, True]


def test_copies_of_an_environment_count_for_themselves(env_id):
    env = gym.make(env_id)
    env.reset(seed=0)
    env.step(actions(1)[0])
    saved = env.unwrapped.save_state()
    other = pickle.loads(pickle.dumps(env))
    for _ in range(3):
        other.step(actions(1)[0])
    other.reset()
    other.unwrapped.load_state(saved)
    assert steps_to_truncation(other) == 5
    assert steps_to_truncation(env) == 5


def test_the_environments_own_limit_travels_with_the_state():
    env = GenieEnv(Noisy(), max_episode_steps=5)
    check_env(env)
    env.reset(seed=0)
    for _ in range(3):
        env.step(actions(1)[0])
    saved = env.save_state()
    env.reset()
    assert env.load_state(saved).shape == (48, 48, 3)
    assert steps_to_truncation(env) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start_frames": np.zeros((1, 48, 48, 3), np.uint8)}, "Did you mean 'start_frame'"),
        ({"reset_mask": np.array([True])}, "unknown reset option 'reset_mask'"),
        ({"promt": "fog"}, "Did you mean 'prompt'"),
    ],
)
def test_reset_options_of_one_environment_are_known_or_refused(options, words):
    env = GenieEnv(TinyWorld())
    with pytest.raises(GenieGymError, match=words):
        env.reset(options=options)
    frame = np.zeros((48, 48, 3), np.uint8)
    frame[20:28, 20:28] = 200
    assert np.array_equal(env.reset(options={"start_frame": frame})[0] > 0, frame > 0)
    assert env.reset(seed=0, options={})[0].shape == (48, 48, 3)
