import json
from dataclasses import replace

import numpy as np
import pytest
from stable_baselines3 import PPO

from genie_gym.agents.benchmark import (
    NO_REWARD,
    BenchmarkConfig,
    benchmark,
    episode_returns,
    from_starts,
    seen_episodes,
    summarise,
    table,
    train_ppo,
    unseen_episodes,
)
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.genie1.heads import Outcome
from genie_gym.pretrained import save_world
from tests.conftest import make_debug_world


def test_agents_are_compared_on_the_same_episodes(world_folder, tmp_path):
    config = BenchmarkConfig(
        agents=("random", "ppo"),
        episodes=6,
        num_envs=2,
        ppo_steps=128,
        env_kwargs={"world": str(world_folder), "device": "cpu"},
    )
    results = benchmark(config, tmp_path)
    saved = json.loads((tmp_path / "benchmark.json").read_text())
    assert saved["results"].keys() == {"random", "ppo"} == results.keys()
    assert len(saved["returns"]["ppo"]) == 6
    assert np.isclose(results["random"]["mean"], np.mean(saved["returns"]["random"]))
    assert (tmp_path / "returns.png").stat().st_size > 1000
    assert len(table(results).splitlines()) == 3
    again = benchmark(
        BenchmarkConfig(**{**config.__dict__, "agents": ("random", str(tmp_path / "ppo.zip"))}), tmp_path / "again"
    )
    assert again == results


def test_intervals_hold_the_mean_and_shrink_with_episodes():
    rng = np.random.default_rng(0)
    few, many = (summarise(rng.normal(3, 1, n)) for n in (20, 2000))
    assert few["mean_low"] < few["mean"] < few["mean_high"]
    assert many["mean_high"] - many["mean_low"] < few["mean_high"] - few["mean_low"]
    assert abs(many["iqm"] - 3) < 0.1
    assert summarise(np.array([0.0] * 9 + [100.0]))["iqm"] == 0  # one outlier does not move the interquartile mean


def test_intervals_are_as_wide_as_the_mean_is_uncertain():
    values = np.random.default_rng(0).normal(3, 1, 400)
    found = summarise(values)
    assert abs((found["mean_high"] - found["mean_low"]) - 2 * 1.96 * values.std() / 20) < 0.02
    assert found["iqm_low"] < found["iqm"] < found["iqm_high"]
    assert 0.15 < found["iqm_high"] - found["iqm_low"] < 0.3
    assert summarise(np.array([0.0, 1, 2, 3, 4, 11, 12, 90]))["iqm"] == 5.0  # the mean of the middle half


def test_an_agents_returns_are_sums_in_the_order_of_the_episodes(world_folder):
    options = {"world": str(world_folder), "device": "cpu", "max_episode_steps": 12}
    found = [episode_returns(BenchmarkConfig(episodes=12, num_envs=n, env_kwargs=options), "random") for n in (1, 3)]
    config = BenchmarkConfig(episodes=12, num_envs=3, env_kwargs=options)
    played = {p.assignment.index: p for p in seen_episodes(config, "random")}
    returns = [sum(played[k].rewards) for k in range(12)]
    assert found[0] == found[1] == (returns, sum(np.count_nonzero(p.rewards) for p in played.values()))
    assert returns != [sum(p.rewards) for p in played.values()]  # they did not end in this order
    other = [p.assignment.seed for p in seen_episodes(replace(config, seed=1), "random")]
    assert not set(other) & {p.assignment.seed for p in played.values()}


def test_experts_meet_other_episodes_each_time_and_the_same_with_the_seed():
    options = {"task": "reach", "width": 48, "height": 48}

    def seeds(seed: int) -> list[int]:
        config = BenchmarkConfig("GenieSim/Arm-v0", episodes=4, seed=seed, env_kwargs=options)
        return [played.assignment.seed for played in unseen_episodes(config, "expert")]

    assert len({*seeds(0), *seeds(1)}) == 8
    assert seeds(0) == seeds(0)
    config = BenchmarkConfig("GenieSim/Arm-v0", episodes=4, num_envs=1, env_kwargs=options | {"max_episode_steps": 1})
    assert seeds(0) == [played.assignment.seed for played in seen_episodes(config, "random")]  # all agents meet the same


def test_a_world_without_rewards_is_not_compared_in_silence(tmp_path):
    save_world(make_rewardless_world(), tmp_path / "world")
    options = {"world": str(tmp_path / "world"), "device": "cpu", "max_episode_steps": 3}
    config = BenchmarkConfig(agents=("random", "sticky"), episodes=3, num_envs=3, env_kwargs=options)
    results = benchmark(config, tmp_path)
    saved = json.loads((tmp_path / "benchmark.json").read_text())
    assert saved["results"]["random"]["rewards_seen"] == 0
    assert saved["notes"] == [NO_REWARD]
    assert table(results).splitlines()[-1] == NO_REWARD
    results["sticky"]["rewards_seen"] = 1  # a reward of one and another of minus one sum to nothing, too
    assert NO_REWARD not in table(results)


def make_rewardless_world():
    world = make_debug_world()
    world.set_outcomes((Outcome(0.0, False),))
    return world


def test_ppo_tells_how_far_it_is(world_folder, tmp_path, capsys):
    options = {"world": str(world_folder), "device": "cpu"}
    train_ppo(BenchmarkConfig(num_envs=2, ppo_steps=100, env_kwargs=options), tmp_path / "ppo.zip")
    assert "train ppo: 128/128 (" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Two episodes in frames of the debug world's size, each rewarded at its end."""
    path = tmp_path_factory.mktemp("shown") / "shown.h5"
    with VideoWriter(path, 64, 64, 15.0, {}) as writer:
        for grey in (50, 200):
            frames, ended = np.full((4, 64, 64, 3), grey, np.uint8), np.array([False, False, True])
            writer.append(Episode(frames, np.array([1, 2, 3]), ended.astype(np.float32), ended))
    return path


def test_ppo_goes_on_from_a_clone(world_folder, shown, tmp_path):
    options = {"world": str(world_folder), "device": "cpu", "max_episode_steps": 8}
    config = BenchmarkConfig(agents=("clone",), episodes=2, num_envs=2, env_kwargs=options, imitate=[shown], clone_steps=20)
    assert benchmark(config, tmp_path)["clone"]["episodes"] == 2
    model = PPO.load(tmp_path / "clone.zip")  # SB3's own way
    assert model.predict(np.full((64, 64, 3), 50, np.uint8), deterministic=True)[0] in (1, 2, 3)
    nothing = replace(config, ppo_from=tmp_path / "clone.zip", ppo_steps=0)
    for before, after in zip(
        model.policy.parameters(), PPO.load(train_ppo(nothing, tmp_path / "ppo.zip")).policy.parameters(), strict=True
    ):
        assert before.equal(after)
    with pytest.raises(GenieGymError, match="--imitate"):
        benchmark(replace(config, imitate=()), tmp_path)


def test_episodes_of_a_world_begin_in_recorded_frames(world_folder, shown):
    options = {"world": str(world_folder), "device": "cpu", "max_episode_steps": 2}
    config = from_starts(BenchmarkConfig(episodes=8, num_envs=4, env_kwargs=options), shown)
    first = [played.observations[0] for played in seen_episodes(config, "random")]
    assert {int(frame[0, 0, 0]) for frame in first} == {50, 200}
    with pytest.raises(GenieGymError, match="cannot begin in a frame"):
        from_starts(BenchmarkConfig("GenieSim/Town-v0"), shown)


def test_none_and_all_rewarded_are_uncertain_too():
    none, every = summarise(np.zeros(100)), summarise(np.ones(100))
    assert (none["rewarded"], none["rewarded_low"]) == (0, 0)
    assert 0.03 < none["rewarded_high"] < 0.04
    assert 0.96 < every["rewarded_low"] < every["rewarded_high"] == every["rewarded"] == 1


def test_unknown_agents():
    with pytest.raises(GenieGymError, match="Did you mean 'random'"):
        benchmark(BenchmarkConfig(agents=("randon",)), "unused")


def test_experts_of_simulators_are_agents_too(tmp_path):
    options = {"task": "reach", "width": 48, "height": 48}
    config = BenchmarkConfig("GenieSim/Arm-v0", ["random", "expert", "ppo"], 4, 2, 128, env_kwargs=options)
    results = benchmark(config, tmp_path)
    assert results["ppo"]["episodes"] == 4
    assert results["expert"]["mean"] == 1.0
    assert results["random"]["mean"] < 1.0
    with pytest.raises(GenieGymError, match="Did you mean 'expert'"):
        benchmark(BenchmarkConfig("GenieSim/Arm-v0", ["expret"]), tmp_path)
    with pytest.raises(GenieGymError, match="unknown agent 'expert'"):
        benchmark(BenchmarkConfig("CartPole-v1", ["expert"]), tmp_path)
