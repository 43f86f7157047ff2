"""`genie-gym gallery --world`: what a world makes of the named scenarios, a sheet a use and a page of honest words.

Legend: T frames, H W image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.prompt_cases import wander_keys
from genie_gym.files import write_text
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.text.scenarios import SCENARIOS, USES, Scenario
from genie_gym.visual import grid, save_png
from genie_gym.world import TakesEvents, TakesKeys, World, at_size

STEPS, EVERY = 192, 48  # of a walk; and which of its frames are shown
PAGE = "README.md"


def scenario_gallery(
    folder: str | Path, world: str | Path | World, seed: int = 5, size: tuple[int, int] | None = (90, 160)
) -> list[Path]:
    """Writes a sheet for each use, a row a scenario: the first view and every 48th frame of a walk of 192 steps; and a page
    that says what each is for, where the place only comes near it, and what of its prompt is not followed.

    Returns:
        The files written.

    Raises:
        GenieGymError: for a world that takes no prompts and keys, or in which nothing happens.
    """
    world = at_size(load_world(world), size)
    if world.vocabulary is None or not isinstance(world, TakesKeys) or not isinstance(world, TakesEvents):
        raise GenieGymError(f"scenarios are for worlds with prompts, keys and events; a {world.family} world lacks some.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines, written = ["# Scenarios", ""], []
    bar = progress(list(SCENARIOS.values()), desc="scenarios", unit="scenario")
    walked = {scenario.name: _walked(world, scenario, seed) for scenario in bar}
    for use in USES:
        named = [one for one in SCENARIOS.values() if one.use == use]
        captions = [[f"step {step}" for step in range(0, STEPS + 1, EVERY)]] * len(named)
        path = folder / f"{use.replace(' ', '_')}.png"
        save_png(path, grid([walked[one.name][0] for one in named], labels=[one.name for one in named], captions=captions))
        written.append(path)
        lines += [f"## {use.capitalize()}", "", f"![{use}]({path.name})", ""]
        lines += [_told(one, walked[one.name][1]) for one in named] + [""]
    write_text(folder / PAGE, "\n".join(lines))
    return [*written, folder / PAGE]


def _walked(world: World, scenario: Scenario, seed: int) -> tuple[UInt8[np.ndarray, "T H W 3"], list[str]]:
    """Every `EVERY`th frame of a walk, and what is not followed."""
    envs = GenieVectorEnv(1, world, action_mode="keyboard", autoreset_mode="DISABLED", scenario=scenario.name)
    frames = [envs.reset(seed=seed)[0][0]]
    assert isinstance(world, TakesKeys)
    numbers = {name: number for number, name in enumerate(world.key_names)}
    for step, key in enumerate(wander_keys(STEPS, numbers, np.random.default_rng(seed)), 1):
        seen, _, ended, _, _ = envs.step(np.array([key]))
        if step % EVERY == 0:
            frames.append(seen[0])
        if ended[0]:
            break
    frames += [np.zeros_like(frames[0])] * (1 + STEPS // EVERY - len(frames))
    report = envs.reports[0]
    refused = [happened.refused for happened in envs.event_logs[0] if happened.refused]
    return np.stack(frames), [*(report.ignored if report is not None else ()), *refused]


def _told(scenario: Scenario, not_followed: list[str]) -> str:
    more = [f"task {scenario.task}"] if scenario.task else []
    more += [f'rule "{rule}"' for rule in scenario.rules]
    told = f"- **{scenario.name}**: “{scenario.prompt}”{', ' if more else ''}{', '.join(more)}. {scenario.about}"
    return told + (f" Not followed: {'; '.join(not_followed)}." if not_followed else "")
