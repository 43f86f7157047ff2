"""Policies on a world: returns with interquartile mean and bootstrap intervals, as a table, JSON and a plot.

Interquartile mean and stratified bootstrap after Agarwal et al. 2021 ("Deep RL at the edge of the statistical precipice").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from scipy.stats import trim_mean
from tqdm import tqdm

from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.datasets.generate import GenerateConfig, make_envs, play
from genie_gym.datasets.record_sim import make_driver
from genie_gym.envs.registration import SIMULATORS, is_native
from genie_gym.errors import GenieGymError, did_you_mean

AGENTS = ("random", "sticky", "directed", "ppo")
SCRIPTED = ("expert", "wander")  # what every simulator of ours can play by itself


@dataclass(frozen=True)
class BenchmarkConfig:
    env: str = "Genie1-v0"
    agents: Sequence[str] = ("random", "ppo")
    """random, sticky, directed, ppo (trained here), or paths of SB3 zips; on simulators also expert and wander."""
    episodes: int = 64
    num_envs: int = 32
    ppo_steps: int = 50_000
    seed: int = 0
    env_kwargs: dict[str, Any] = field(default_factory=dict)


def benchmark(config: BenchmarkConfig, out: str | Path) -> dict[str, dict[str, Any]]:
    """Runs every agent for the same episodes; writes `benchmark.json`, `returns.png` and trained policies into `out`."""
    if config.env not in gym.registry:
        raise GenieGymError(f"unknown environment {config.env!r}." + did_you_mean(config.env, gym.registry))
    known = (*AGENTS, *SCRIPTED) if config.env in SIMULATORS else AGENTS
    for agent in config.agents:
        if agent not in known and not agent.endswith(".zip"):
            raise GenieGymError(f"unknown agent {agent!r}." + did_you_mean(agent, known) + " An SB3 .zip works too.")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    returns: dict[str, list[float]] = {}
    for agent in config.agents:
        policy = str(train_ppo(config, out / "ppo.zip")) if agent == "ppo" else agent
        returns[Path(agent).stem] = episode_returns(config, policy)
    results = {name: summarise(np.array(values), config.seed) for name, values in returns.items()}
    settings = {"env": config.env, "episodes": config.episodes, "ppo_steps": config.ppo_steps, "seed": config.seed}
    (out / "benchmark.json").write_text(json.dumps({"settings": settings, "results": results, "returns": returns}, indent=1))
    plot(returns, results, config.env, out / "returns.png")
    return results


def episode_returns(config: BenchmarkConfig, policy: str) -> list[float]:
    """The return of each numbered episode, in order."""
    if config.env in SIMULATORS and not policy.endswith(".zip"):
        return blind_returns(config, policy)
    settings = GenerateConfig(
        env=config.env, episodes=config.episodes, policy=policy, seed=config.seed, env_kwargs=config.env_kwargs
    )
    envs = make_envs(settings, min(config.num_envs, config.episodes))
    found: dict[int, float] = {}
    for episode in tqdm(
        play(envs, settings, list(range(config.episodes))), total=config.episodes, desc=Path(policy).stem, disable=None
    ):
        found[episode.index] = float(episode.rewards.sum())
    envs.close()
    return [found[i] for i in range(config.episodes)]


def blind_returns(config: BenchmarkConfig, name: str) -> list[float]:
    """Returns in a simulator of a policy that needs no pictures: none are drawn, which is several times faster."""
    env = gym.make(config.env, obs=("agent",), disable_env_checker=True, **config.env_kwargs)
    returns = []
    for number in tqdm(range(config.episodes), desc=name, disable=None):
        rng = np.random.default_rng([config.seed, number])
        env.reset(seed=int(rng.integers(2**31)))
        driver = make_driver(env, name, rng)
        driver.begin()
        total, done = 0.0, False
        while not done:
            _, reward, terminated, truncated, _ = env.step(driver.act())
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    env.close()
    return returns


def train_ppo(config: BenchmarkConfig, path: Path) -> Path:
    """PPO with SB3's CnnPolicy inside the environment; returns the saved zip."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecMonitor

    # Native vector environments reset in the same step anyway; others are told to.
    options: Any = {} if is_native(config.env) else {"vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP}}
    envs = VecMonitor(SB3VecEnv(gym.make_vec(config.env, num_envs=config.num_envs, **options, **config.env_kwargs)))
    model = PPO(
        "CnnPolicy",
        envs,
        n_steps=64,
        batch_size=512,
        n_epochs=3,
        gamma=0.99,
        ent_coef=0.01,
        learning_rate=3e-4,
        seed=config.seed,
    )
    model.learn(config.ppo_steps, progress_bar=False)
    model.save(path)
    envs.close()
    return path


def summarise(returns: np.ndarray, seed: int = 0, resamples: int = 2000) -> dict[str, Any]:
    """Mean, interquartile mean, and 95 % bootstrap intervals of both."""
    rng = np.random.default_rng(seed)
    samples = returns[rng.integers(len(returns), size=(resamples, len(returns)))]
    mean_low, mean_high = np.quantile(samples.mean(1), [0.025, 0.975])
    iqm_low, iqm_high = np.quantile(trim_mean(samples, 0.25, axis=1), [0.025, 0.975])
    return {
        "episodes": len(returns),
        "mean": float(returns.mean()),
        "mean_low": float(mean_low),
        "mean_high": float(mean_high),
        "iqm": float(trim_mean(returns, 0.25)),
        "iqm_low": float(iqm_low),
        "iqm_high": float(iqm_high),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as text, one agent a line."""
    lines = [f"{'agent':<16}{'episodes':>9}{'mean':>9}{'95 % interval':>18}{'IQM':>9}{'95 % interval':>18}"]
    for name, r in results.items():
        mean, iqm = (f"{r[f'{k}_low']:.2f} … {r[f'{k}_high']:.2f}" for k in ("mean", "iqm"))
        lines.append(f"{name:<16}{r['episodes']:>9}{r['mean']:>9.2f}{mean:>18}{r['iqm']:>9.2f}{iqm:>18}")
    return "\n".join(lines)


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
    figure.tight_layout()
    figure.savefig(path, dpi=120)
