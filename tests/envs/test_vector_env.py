"""What the vector environment itself promises, on a world whose every end is asked for: when episodes end, how the next
ones begin, and whose is what."""

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from tiny_world import TinyWorld

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError

GO_ON, END = np.float32([0.3, 0.2, 0]), np.float32([0.3, 0.2, -1])


class OnDemand(TinyWorld):
    """Ends where the third number of an action is -1."""

    def step(self, state, actions):
        following, prediction = super().step(state, actions)
        prediction.terminated = actions[:, 2] == -1
        return following, prediction


def make(rows: int = 2, **options) -> GenieVectorEnv:
    return GenieVectorEnv(rows, OnDemand(), **options)


def play(envs: GenieVectorEnv, *rows: str) -> tuple[list[str], list[str]]:
    """Plays "." (go on) and "x" (end) in each row. Returns what was terminated and truncated, in the same letters."""
    brought = [
        envs.step(np.stack([END if letter == "x" else GO_ON for letter in letters])) for letters in zip(*rows, strict=True)
    ]
    return tuple(
        ["".join("x" if step[part][row] else "." for step in brought) for row in range(len(rows))] for part in (2, 3)
    )


def episode_seeds(envs: GenieVectorEnv) -> list[int]:
    return envs.save_state().world.seed.tolist()


def test_the_limit_counts_each_rows_steps_from_its_own_last_reset():
    envs = make(3, max_episode_steps=3)
    envs.reset(seed=0)
    terminated, truncated = play(envs, ".......", ".x.....", "..x....")
    assert terminated == [".......", ".x.....", "..x...."]
    assert truncated == ["..x..x.", "....x..", ".....x."]  # the third row ended by itself where the limit is


def test_ends_and_truncations_both_begin_another_episode_and_show_the_last_frame():
    envs = make(2, max_episode_steps=2)
    envs.reset(seed=0)
    first = episode_seeds(envs)
    observation, _, _, _, info = envs.step(np.stack([END, GO_ON]))
    assert info["_final_obs"].tolist() == [True, False]
    assert not np.array_equal(info["final_obs"][0], observation[0])
    observation, _, _, _, info = envs.step(np.stack([GO_ON, GO_ON]))
    assert info["_final_obs"].tolist() == [False, True]
    assert not np.array_equal(info["final_obs"][1], observation[1])
    assert all(new != old for new, old in zip(episode_seeds(envs), first, strict=True))


def test_without_autoreset_an_ended_row_waits_to_be_told():
    envs = make(2, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(seed=0)
    first = episode_seeds(envs)
    _, _, terminated, _, info = envs.step(np.stack([END, GO_ON]))
    assert terminated.tolist() == [True, False]
    assert "final_obs" not in info
    assert episode_seeds(envs) == first


def test_all_episodes_of_all_rows_differ_and_come_again_with_the_seed():
    def episodes(**seed) -> list[list[int]]:
        envs.reset(**seed)
        seeds = [episode_seeds(envs)]
        for _ in range(4):
            envs.step(np.stack([END] * 6))
            seeds.append(episode_seeds(envs))
        return seeds

    envs = make(6)
    first = episodes(seed=0)
    assert len({seed for seeds in first for seed in seeds}) == 30
    assert episodes(seed=0) == first
    assert episodes(seed=list(range(6))) == first
    assert not {seed for seeds in episodes() for seed in seeds} & {seed for seeds in first for seed in seeds}


def test_unseeded_environments_differ():
    seeds = []
    for envs in (make(), make()):
        envs.reset()
        seeds += episode_seeds(envs)
    assert len(set(seeds)) == 4


def test_seeds_reach_the_masked_rows_only():
    def after(seed, mask) -> list[int]:
        envs = make(3, autoreset_mode=AutoresetMode.DISABLED)
        envs.reset(seed=0)
        envs.reset(seed=seed, options={"reset_mask": np.array(mask)})
        now = episode_seeds(envs)
        envs.reset()
        return now + episode_seeds(envs)

    plain, seeded = after(None, [True, False, False]), after([7, 8, 9], [True, False, False])
    assert seeded[1:3] == plain[1:3]
    assert seeded[4:] == plain[4:]  # the rows beside it go on to the episodes that they would have had
    others = make(3)
    others.reset(seed=0)
    others.reset()
    assert plain[4:] == episode_seeds(others)[1:]
    assert seeded[0] != plain[0]
    assert seeded[3] != plain[3]
    fresh = make(3)
    fresh.reset(seed=[7, 0, 0])
    assert seeded[0] == episode_seeds(fresh)[0]


def test_what_was_handed_out_never_changes():
    envs = make(2, autoreset_mode=AutoresetMode.DISABLED, render_mode="rgb_array")
    envs.reset(seed=0)
    frames, _, _, _, info = envs.step(np.stack([GO_ON, GO_ON]))
    depth, pictures, saved = info["depth"], envs.render(), envs.save_state()
    kept = [x.copy() for x in (frames, depth, *pictures, saved.world.frames.numpy())]
    envs.reset(seed=99, options={"reset_mask": np.array([True, False])})
    envs.step(np.stack([GO_ON, GO_ON]))
    for was, now in zip(kept, (frames, depth, *pictures, saved.world.frames.numpy()), strict=True):
        assert np.array_equal(was, now)
    assert np.array_equal(envs.load_state(saved), frames)
    envs.reset(seed=98, options={"reset_mask": np.array([True, False])})
    assert np.array_equal(envs.load_state(saved), frames)  # and once more
    assert envs.save_state().steps.tolist() == [1, 1]


def test_each_row_starts_from_its_own_frame_and_prompt():
    starts = np.zeros((3, 48, 48, 3), np.uint8)
    for row in range(3):
        starts[row, 8:16, 8 + 8 * row : 16 + 8 * row] = 200
    envs = make(3, autoreset_mode=AutoresetMode.DISABLED)
    before = envs.reset(seed=0)[0]
    options = {"start_frames": starts, "prompt": ["sun", "fog", "rain"], "reset_mask": np.array([False, True, True])}
    after = envs.reset(options=options)[0]
    assert np.array_equal(after[0], before[0])
    assert after[1].max() == 100
    assert after[2].max() == 150
    assert np.array_equal(after[1:] > 0, starts[1:] > 0)


def test_a_pool_of_starts_and_a_prompt_go_together():
    pool = np.zeros((1, 48, 48, 3), np.uint8)
    pool[:, 8:16, 8:16] = 200
    frames = make(2, start_frames=pool, prompt="a foggy village").reset(seed=0)[0]
    assert np.array_equal(frames, np.broadcast_to(pool // 2, frames.shape))


def test_worlds_are_asked_without_gradients_and_rewards_are_float64():
    class Careful(OnDemand):
        def reset(self, seed, start=None):
            assert not torch.is_grad_enabled()
            return super().reset(seed, start)

        def step(self, state, actions):
            assert not torch.is_grad_enabled()
            return super().step(state, actions)

    envs = GenieVectorEnv(2, Careful())
    envs.reset(seed=0)
    assert envs.step(np.stack([GO_ON, END]))[1].dtype == np.float64


def test_bad_resets_states_and_rows_are_refused():
    envs = make(2)
    with pytest.raises(GenieGymError, match="first reset takes all rows"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="3 seeds for 2 rows"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(GenieGymError, match="reset_mask must be bool"):
        envs.reset(options={"reset_mask": np.array([1, 0])})
    with pytest.raises(GenieGymError, match="no row -1"):
        envs.apply_event("rain", rows=[-1])
    with pytest.raises(GenieGymError, match="Resize"):
        make(2, start_frames=np.zeros((1, 24, 48, 3), np.uint8))


@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_what_is_observed_beside_frames_is_what_info_holds_otherwise(mode, output):
    options = {"autoreset_mode": mode, "output": output, "max_episode_steps": 3}
    names = ("rgb", "depth", "pose")
    seeing, told = make(3, obs=names, **options), make(3, **options)
    observations, info = seeing.reset(seed=0)
    told.reset(seed=0)
    assert observations.keys() == seeing.observation_space.spaces.keys() == set(names)
    assert not info
    saved, first, ended = seeing.save_state(), observations, 0
    for _ in range(7):
        actions = np.stack([GO_ON, END, GO_ON])
        observations, *_, info = seeing.step(actions)
        frames, _, terminated, truncated, expected = told.step(actions)
        assert seeing.observation_space.contains({name: np.asarray(value) for name, value in observations.items()})
        for name in names:
            assert isinstance(observations[name], torch.Tensor if output == "torch" else np.ndarray)
            assert np.array_equal(observations[name], frames if name == "rgb" else expected[name])
        if "final_obs" in expected:
            final = {"rgb": expected["final_obs"]} | {name: expected["final_info"][name] for name in names[1:]}
            assert all(np.array_equal(info["final_obs"][name], final[name]) for name in names)
            assert not np.array_equal(info["final_obs"]["pose"][1], observations["pose"][1])
        done = np.asarray(terminated | truncated)
        ended += done.sum()
        if mode == AutoresetMode.DISABLED:
            for envs in (seeing, told):
                envs.reset(options={"reset_mask": done})
    assert ended > 3
    assert all(np.array_equal(value, first[name]) for name, value in seeing.load_state(saved).items())
