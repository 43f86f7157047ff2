"""`genie-gym gallery`: contact sheets of the simulators: scenes by weather and hour, events, landmarks, the arm.

Legend: T frames, H W image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import genie_gym  # noqa: F401  (registers the ids)
from genie_gym.envs.sim.render import look_along
from genie_gym.envs.simulators import SIMULATORS
from genie_gym.progress import progress
from genie_gym.text.spec import TIMES, TimeOfDay, WeatherChange, WorldSpec
from genie_gym.visual import grid, save_gif, save_png

TOWN = SIMULATORS["GenieSim/Town-v0"].load_vocabulary()
SCENES, WEATHERS, LANDMARKS = TOWN.scenes, TOWN.weathers, TOWN.landmarks
# One of each type of event but for removals, which show the same the other way round.
EVENT_ROWS = (
    "it starts to snow",
    "night falls",
    "add three crates",
    "two knights follow me",
    "go to the desert",
    "moon gravity",
)
WALK = ("", "it starts to snow", "night falls", "go to the harbour")  # what happens while one walks
WALK_STEPS, WALK_FPS = 96, 8


def gallery(folder: str | Path, seed: int = 5, samples: int = 4) -> list[Path]:
    """Writes town_<weather>.png (ten scenes by four hours, 160x90 each), town_events.png, town_landmarks.png, arm.png
    and town_walk.gif.

    Returns:
        The files written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {f"town_{weather}": sheet for weather, sheet in _scenes(seed, samples).items()}
    pictures |= {"town_events": _events(seed, samples), "town_landmarks": _landmarks(seed, samples)}
    pictures["arm"] = _arm(seed, samples)
    for name, picture in pictures.items():
        save_png(folder / f"{name}.png", picture)
    walk = folder / "town_walk.gif"
    save_gif(walk, _walk(seed, samples), WALK_FPS)
    return [*(folder / f"{name}.png" for name in pictures), walk]


def _town(spec: WorldSpec, seed: int, **options: Any) -> gym.Env:
    env = gym.make("GenieSim/Town-v0", spec=spec, disable_env_checker=True, **options)
    env.reset(seed=seed)
    return env


def _scenes(seed: int, samples: int) -> dict[str, np.ndarray]:
    """A sheet a weather: the same ten worlds at the same four hours."""
    frames = np.zeros((len(WEATHERS), len(SCENES), len(TIMES), 90, 160, 3), np.uint8)
    for s, scene in enumerate(progress(SCENES, desc="scenes")):
        sim: Any = _town(WorldSpec(scene=scene), seed).unwrapped
        for w, weather in enumerate(WEATHERS):
            sim.apply_event(WeatherChange(weather))
            for t, hour in enumerate(TIMES.values()):
                sim.apply_event(TimeOfDay(hour))
                frames[w, s, t] = sim.render_at(160, 90, samples)
        sim.close()
    labels = [scene.replace("_", " ") for scene in SCENES]
    captions = [list(TIMES)] * len(SCENES)
    return {weather: grid(frames[w], labels=labels, captions=captions) for w, weather in enumerate(WEATHERS)}


def _walk(seed: int, samples: int) -> np.ndarray:
    """Frames [T, 90, 160, 3] of a wanderer to whom things happen, every third step."""
    env = _town(WorldSpec(scene="medieval_town", landmarks=("castle", "market")), seed)
    sim: Any = env.unwrapped
    driver = sim.driver("wander", np.random.default_rng(seed))
    driver.begin()
    frames = []
    for text in progress(WALK, desc="walk"):
        if text:
            sim.apply_event(text)
        for step in range(WALK_STEPS):
            env.step(driver.act())
            if step % 3 == 0:
                frames.append(sim.render_at(160, 90, samples))
    env.close()
    return np.stack(frames)


def _events(seed: int, samples: int) -> np.ndarray:
    """Before and after each event; for lower gravity, the top of a jump."""
    rows, captions = [], []
    for text in progress(EVENT_ROWS, desc="events"):
        env = _town(WorldSpec(scene="medieval_town", landmarks=("well",)), seed)
        sim: Any = env.unwrapped
        jump = "gravity" in text
        before = _top_of_jump(env, samples) if jump else sim.render_at(320, 180, samples)
        event, _ = sim.apply_event(text)
        captions.append(["before: a jump's top" if jump else "before", f"after {event.type}"])
        rows.append([before, _top_of_jump(env, samples) if jump else sim.render_at(320, 180, samples)])
        env.close()
    return grid(np.array(rows), captions=captions)


def _top_of_jump(env: gym.Env, samples: int) -> np.ndarray:
    sim: Any = env.unwrapped
    jump = sim.metadata["action_meanings"].index("jump")
    while sim.world.steps < 6 or not sim.world.grounded:
        env.step(0)
    top, picture = -np.inf, np.zeros((180, 320, 3), np.uint8)
    env.step(jump)
    while sim.world.position[2] > top:
        top, picture = sim.world.position[2], sim.render_at(320, 180, samples)
        env.step(0)
    return picture


def _landmarks(seed: int, samples: int) -> np.ndarray:
    """Each landmark from the front, in a morning desert."""
    frames = []
    for kind in progress(LANDMARKS, desc="landmarks"):
        env = _town(WorldSpec(scene="desert", landmarks=(kind,), hour=10.0, without=("cactus", "rock")), seed)
        sim: Any = env.unwrapped
        thing = next(item for item in sim.scene_graph() if item["class"] == kind)
        frames.append(sim.world.eye.observe(("rgb",), 240, 180, "first", samples, _in_front_of(thing))["rgb"])
        env.close()
    columns = 5
    names = list(LANDMARKS) + [""] * (-len(LANDMARKS) % columns)
    frames += [np.full_like(frames[0], 255)] * (len(names) - len(frames))
    rows = np.array(frames).reshape(-1, columns, *frames[0].shape)
    return grid(rows, captions=[names[i : i + columns] for i in range(0, len(names), columns)])


def _in_front_of(thing: dict[str, Any]) -> np.ndarray:
    """A camera pose [4, 4] that has a thing of the scene graph in full view, from its front and a little aside."""
    centre, size = np.array(thing["centre"]), np.array(thing["size"])
    yaw = 2 * np.arctan2(thing["rotation"][3], thing["rotation"][0])
    distance = 0.85 * float(np.linalg.norm(size)) + 2.0
    heading = yaw - np.pi / 2 + 0.5
    eye = centre + (distance * np.cos(heading), distance * np.sin(heading), 0.12 * distance)
    return look_along(eye, centre - eye)


def _arm(seed: int, samples: int) -> np.ndarray:
    """Reach, push and pick, from beginning to end."""
    rows = []
    for task in progress(("reach", "push", "pick"), desc="arm"):
        env = gym.make("GenieSim/Arm-v0", task=task, disable_env_checker=True)
        env.reset(seed=seed)
        sim: Any = env.unwrapped
        driver = sim.driver("expert", np.random.default_rng(0))
        driver.begin()
        frames, done = [sim.render_at(160, 120, samples)], False
        while not done:
            _, _, terminated, truncated, _ = env.step(driver.act())
            frames.append(sim.render_at(160, 120, samples))
            done = terminated or truncated
        rows.append(np.array(frames)[np.linspace(0, len(frames) - 1, 6).astype(int)])
        env.close()
    return grid(np.array(rows), labels=["reach", "push", "pick"])
