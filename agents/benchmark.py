"""Policies on a world: returns with interquartile mean and bootstrap intervals, as a table, JSON and a plot.

Interquartile mean and stratified bootstrap after Agarwal et al. 2021 ("Deep RL at the edge of the statistical precipice").
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from scipy.stats import binomtest, trim_mean
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

from genie_gym.agents.clone import Demonstrations, imitate
from genie_gym.agents.policies import check_zip, load_sb3_weights
from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.datasets.behaviours import NAMES
from genie_gym.datasets.play import Assignment, Played, SingleRow, play
from genie_gym.datasets.play_shards import GenerateConfig, episode_seed, make_envs, play_episodes
from genie_gym.datasets.record_simulator import make_driver
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.registration import find_spec, is_world, make, make_same_step
from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.files import beside, write_json
from genie_gym.progress import progress

AGENTS = (*NAMES, "clone", "ppo")
NO_REWARD = (
    "No agent met a reward in any step of any episode, so these returns compare nothing: either this world has none (it was "
    "learned from video without rewards), or its episodes are too short to come by one."
)


@dataclass(frozen=True)
class BenchmarkConfig:
    env: str = "Genie1-v0"
    agents: Sequence[str] = ("random", "ppo")
    """random, sticky, directed, prior (of learned worlds), clone and ppo (trained here), a simulator driver, SB3 zips."""
    episodes: int = 64
    num_envs: int = 32
    ppo_steps: int = 50_000
    seed: int = 0
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    imitate: Sequence[str | Path] = ()
    """Recordings whose rewarded episodes `clone` imitates."""
    clone_steps: int = 2_000
    """Batches that it sees of them."""
    ppo_from: str | Path | None = None
    """An SB3 zip, of `clone` for example, that `ppo` goes on from."""
    starts: str | Path | None = None
    """A recording: episodes of a learned world begin in the first frames of its episodes, as each one's seed chooses."""


def benchmark(config: BenchmarkConfig, out: str | Path) -> dict[str, dict[str, Any]]:
    """Runs every agent for the same episodes; writes `benchmark.json`, `returns.png` and trained policies into `out`."""
    find_spec(config.env)
    simulator = find_simulator(config.env)
    known = (*AGENTS, *simulator.drivers) if simulator else AGENTS
    for agent in config.agents:
        if agent.endswith(".zip"):
            check_zip(agent)
        elif agent not in known:
            raise GenieGymError(f"unknown agent {agent!r}." + did_you_mean(agent, known) + " An SB3 .zip works too.")
    if min(config.episodes, config.num_envs) < 1:
        raise GenieGymError(f"episodes and num_envs are at least 1; got {config.episodes} and {config.num_envs}.")
    if ("clone" in config.agents) != bool(config.imitate):
        raise GenieGymError("the agent clone and the recordings that it imitates (--imitate) go together; give both.")
    if config.ppo_from is not None:
        check_zip(config.ppo_from)
        if "ppo" not in config.agents:
            raise GenieGymError("ppo goes on from --ppo-from, and is none of the agents; name it too.")
    for recording in config.imitate:
        VideoDataset(recording, preload_bytes=0).close()
    if config.starts is not None:
        config = from_starts(config, config.starts)
    out = Path(out)
    train = {"clone": train_clone, "ppo": train_ppo}
    returns: dict[str, list[float]] = {}
    rewards: dict[str, int] = {}
    for agent in config.agents:
        policy = str(train[agent](config, out / f"{agent}.zip")) if agent in train else agent
        name = Path(agent).stem
        returns[name], rewards[name] = episode_returns(config, policy)
    results = {
        name: summarise(np.array(values), config.seed) | {"rewards_seen": rewards[name]} for name, values in returns.items()
    }
    settings = {"env": config.env, "episodes": config.episodes, "ppo_steps": config.ppo_steps, "seed": config.seed}
    notes = [NO_REWARD] if _rewardless(results) else []
    write_json(out / "benchmark.json", {"settings": settings, "results": results, "returns": returns, "notes": notes})
    plot(returns, results, config.env, out / "returns.png")
    return results


def from_starts(config: BenchmarkConfig, starts: str | Path) -> BenchmarkConfig:
    """The same in a learned world whose episodes begin in the first frames of a recording's episodes."""
    if not is_world(config.env):
        raise GenieGymError(f"{config.env} cannot begin in a frame; leave starts out.")
    with closing(VideoDataset(starts, preload_bytes=0)) as data:
        first = np.concatenate([data.frames(index, slice(1)) for index in range(len(data))])
    return replace(config, starts=None, env_kwargs=config.env_kwargs | {"start_frames": first})


def episode_returns(config: BenchmarkConfig, policy: str) -> tuple[list[float], int]:
    """The return of each numbered episode, in order, and how many of all their steps brought a reward."""
    simulator = find_simulator(config.env)
    sees_nothing = simulator is not None and simulator.ground_truth and not policy.endswith(".zip")
    playing = unseen_episodes(config, policy) if sees_nothing else seen_episodes(config, policy)
    found: dict[int, float] = {}
    rewards = 0
    for played in progress(playing, total=config.episodes, desc=Path(policy).stem, unit="episode"):
        found[played.assignment.index] = float(np.sum(played.rewards))
        rewards += int(np.count_nonzero(played.rewards))
    return [found[number] for number in range(config.episodes)], rewards


def seen_episodes(config: BenchmarkConfig, policy: str) -> Iterator[Played]:
    settings = GenerateConfig(
        env=config.env, episodes=config.episodes, policy=policy, seed=config.seed, env_kwargs=config.env_kwargs
    )
    with closing(make_envs(settings, min(config.num_envs, config.episodes))) as envs:
        yield from play_episodes(envs, settings, range(config.episodes))


def unseen_episodes(config: BenchmarkConfig, policy: str) -> Iterator[Played]:
    """In a simulator, for a policy that needs no pictures: none are drawn, which is several times faster."""
    env = make(gym.make, config.env, **config.env_kwargs | {"obs": ("agent",), "disable_env_checker": True})
    numbers = iter(range(config.episodes))

    def next_assignment(_: int) -> Assignment | None:
        number = next(numbers, None)
        if number is None:
            return None
        rng, seed = np.random.default_rng([config.seed, number]), episode_seed(config.seed, number)
        return Assignment(lambda: make_driver(env, policy, rng), policy, number, seed)  # all agents meet the same worlds

    with closing(env):
        yield from play(SingleRow(env), next_assignment)


def train_clone(config: BenchmarkConfig, path: Path) -> Path:
    """A policy that imitates recordings; returns the saved zip, which SB3's PPO can load and go on from."""
    with closing(learning_envs(config, 1)) as envs, closing(VideoDataset(list(config.imitate))) as data:
        model = make_ppo(envs, config.seed)
        shown = Demonstrations.of(data, model.gamma)
        imitate(model, shown, config.clone_steps, config.seed, data.source.get("action_meanings"))
        return save(model, path)


def train_ppo(config: BenchmarkConfig, path: Path) -> Path:
    """PPO inside the environment, from the beginning or from `ppo_from`; returns the saved zip."""
    with closing(learning_envs(config, config.num_envs)) as envs:
        model = make_ppo(envs, config.seed)
        if config.ppo_from is not None:
            load_sb3_weights(config.ppo_from, model.policy)
        batch = model.n_steps * envs.num_envs  # it trains after so many steps, and does not stop within
        total = -(-config.ppo_steps // batch) * batch
        with progress(total=total, desc="train ppo", unit="step") as bar:
            model.learn(config.ppo_steps, callback=lambda *_: bar.update(envs.num_envs) or True)
        return save(model, path)


def learning_envs(config: BenchmarkConfig, num_envs: int) -> VecMonitor:
    """The environment as SB3 learns in it."""
    envs = VecMonitor(SB3VecEnv(make_same_step(config.env, num_envs, config.env_kwargs)))
    if isinstance(envs.observation_space, gym.spaces.Dict):
        raise GenieGymError("ppo and clone see frames alone; leave out the option obs.")
    return envs


def make_ppo(envs: VecMonitor, seed: int) -> PPO:
    """SB3's PPO with its CnnPolicy, about to learn."""
    steps = 64  # of each row, between updates
    return PPO(
        "CnnPolicy",
        envs,
        n_steps=steps,
        batch_size=min(512, steps * envs.num_envs),
        n_epochs=3,
        gamma=0.99,
        ent_coef=0.01,
        learning_rate=3e-4,
        seed=seed,
    )


def save(model: PPO, path: Path) -> Path:
    with beside(path) as part:
        model.save(part)
    return path


def summarise(returns: np.ndarray, seed: int = 0, resamples: int = 2000) -> dict[str, Any]:
    """Mean and interquartile mean with 95 % bootstrap intervals; `rewarded`, the share of episodes that brought something,
    with Wilson's, which also holds for none and for all of them."""
    rng = np.random.default_rng(seed)
    samples = returns[rng.integers(len(returns), size=(resamples, len(returns)))]
    mean_low, mean_high = np.quantile(samples.mean(1), [0.025, 0.975])
    iqm_low, iqm_high = np.quantile(trim_mean(samples, 0.25, axis=1), [0.025, 0.975])
    rewarded = binomtest(int((returns > 0).sum()), len(returns))
    share = rewarded.proportion_ci(method="wilson")
    return {
        "episodes": len(returns),
        "mean": float(returns.mean()),
        "mean_low": float(mean_low),
        "mean_high": float(mean_high),
        "iqm": float(trim_mean(returns, 0.25)),
        "iqm_low": float(iqm_low),
        "iqm_high": float(iqm_high),
        "rewarded": float(rewarded.statistic),
        "rewarded_low": float(share.low),
        "rewarded_high": float(share.high),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as text, one agent a line, and a line more where there was nothing to be had."""
    names = {"mean": "mean", "iqm": "IQM", "rewarded": "rewarded"}
    lines = [f"{'agent':<16}{'episodes':>9}" + "".join(f"{name:>9}{'95 % interval':>18}" for name in names.values())]
    for name, r in results.items():
        numbers = (f"{r[k]:>9.2f}" + f"{r[f'{k}_low']:.2f} … {r[f'{k}_high']:.2f}".rjust(18) for k in names)
        lines.append(f"{name:<16}{r['episodes']:>9}" + "".join(numbers))
    return "\n".join([*lines, *([NO_REWARD] if _rewardless(results) else [])])


def _rewardless(results: dict[str, dict[str, Any]]) -> bool:
    return not any(r["rewards_seen"] for r in results.values())


def plot(returns: dict[str, list[float]], results: dict[str, dict[str, Any]], env: str, path: Path) -> None:
    """Mean return of each agent with its interval, over the single episodes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 1.5 * len(returns), 4))
    axes = figure.add_subplot()
    rng = np.random.default_rng(0)
    for x, (name, values) in enumerate(returns.items()):
        axes.scatter(x + rng.uniform(-0.15, 0.15, len(values)), values, s=8, alpha=0.35, color="tab:blue")
        r = results[name]
        interval = [[r["mean"] - r["mean_low"]], [r["mean_high"] - r["mean"]]]
        axes.errorbar(x, r["mean"], yerr=interval, fmt="o", color="black", capsize=5)
    axes.set_xticks(range(len(returns)), list(returns))
    axes.set_ylabel("return of an episode")
    axes.set_title(f"{env}: mean and 95 % interval")
    if _rewardless(results):
        figure.text(0.5, 0.5, "\n".join(textwrap.wrap(NO_REWARD, 18 * len(returns))), ha="center", color="tab:red")
    figure.tight_layout()
    with beside(path) as part:
        figure.savefig(part, dpi=120)
