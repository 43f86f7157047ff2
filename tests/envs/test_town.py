"""Town is what recordings, ground truth and checks rest on: it must be deterministic, physical, and say where things are."""

import json
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from town_words import LANDMARKS, SCENES, WEATHERS

import genie_gym  # noqa: F401
from genie_gym.envs.sim.town.agent import AGENT_STATE
from genie_gym.envs.sim.town.drivers import SURVEYED
from genie_gym.envs.sim.town.events import apply_event
from genie_gym.envs.sim.town.keys import FORWARD, LEFT, NOOP
from genie_gym.envs.sim.town.layout import CLASSES
from genie_gym.envs.sim.town.scenes import make_layout
from genie_gym.envs.sim.town.tasks import TASKS
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.errors import GenieGymError
from genie_gym.geometry.goals import goals_of, told_goals
from genie_gym.text.spec import (
    TIMES,
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)

ALL = ("rgb", "depth", "instance", "semantic", "pose", "intrinsics", "agent", "entities")
EMPTY = WorldSpec(scene="desert", without=("villager", "merchant", "horse", "robot"), seed=1)


@pytest.fixture
def make():
    made = []

    def build(**options):
        env = gym.make("GenieSim/Town-v0", **options)
        made.append(env)
        return env

    yield build
    for env in made:
        env.close()


# --- Gymnasium ---


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", [{}, {"obs": ALL, "continuous": True, "task": "collect_coins", "view": "third"}])
def test_it_is_a_gymnasium_environment(options, make):
    check_env(make(render_mode="rgb_array", **options).unwrapped)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_several_copies_each_draw_their_own_world(mode):
    envs = gym.make_vec("GenieSim/Town-v0", num_envs=2, vectorization_mode=mode, scene="village", width=64, height=48)
    frames, _ = envs.reset(seed=3)
    assert frames.shape == (2, 48, 64, 3)
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 5
    for _ in range(3):
        after = envs.step(np.array([FORWARD, LEFT]))[0]
    envs.close()
    for row, seed in enumerate((3, 4)):  # a copy's world is that of a single environment with its seed
        single = gym.make("GenieSim/Town-v0", scene="village", width=64, height=48)
        assert np.array_equal(single.reset(seed=seed)[0], frames[row])
        for _ in range(3):
            frame = single.step((FORWARD, LEFT)[row])[0]
        assert np.array_equal(frame, after[row])
        single.close()


BAD_OPTIONS = [
    ({"scene": "dessert"}, "Did you mean 'desert'"),
    ({"task": "colect_coins"}, "Did you mean 'collect_coins'"),
    ({"task": "find:wel"}, "Did you mean 'well'"),
    ({"task": "reach_beacon:neer"}, "Did you mean 'near'"),
    ({"task": "push_crate:near"}, "unknown task 'push_crate:near'"),
    ({"obs": ("rgb", "dept")}, "Did you mean 'depth'"),
    ({"obs": ()}, "at least one"),
    ({"width": 4}, "from 8 to"),
    ({"height": 100_000}, "from 8 to"),
    ({"view": "second"}, "'first' or 'third'"),
    ({"samples": 3}, "samples is"),
    ({"prompt": "a village", "spec": WorldSpec()}, "not both"),
    ({"prompt": "a village", "scene": "desert"}, "its own scene"),
    ({"prompt": "xyzzy"}, "understood nothing"),
    ({"spec": "{"}, "not the JSON"),
    ({"spec": WorldSpec("forrest")}, "unknown scene 'forrest'. Did you mean 'forest'"),
    ({"spec": '{"landmarks": ["castel"]}'}, "Did you mean 'castle'"),
    ({"spec": WorldSpec(objects=(ObjectSpec("crate", 1, "nowhere"),))}, "unknown place"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_get_a_sentence(options, message):
    with pytest.raises(GenieGymError, match=message):
        gym.make("GenieSim/Town-v0", **options)


@pytest.mark.parametrize("prompt", ["the surface of Mars", "moon base", "Times Square at night"])
def test_a_prompt_without_a_scene_that_is_known_is_warned_of_once(prompt, make):
    with pytest.warns(
        UserWarning, match=r"no scene was understood in .* \(scene: medieval town\). There are: medieval"
    ) as caught:
        env = make(prompt=prompt)
    assert len([warning for warning in caught if "no scene" in str(warning.message)]) == 1
    with warnings.catch_warnings(action="error"):
        env.reset(seed=0)
        make(prompt="a village on Mars")
    assert env.unwrapped.world_spec.scene == "medieval_town"


def test_names_that_a_spec_leaves_open_are_filled_in(make):
    env = make(spec=WorldSpec(weather="rainy"))
    env.reset(seed=0)
    assert (env.unwrapped.world_spec.scene, env.unwrapped.world_spec.weather) == ("medieval_town", "rainy")


@dataclass(frozen=True)
class Earthquake(Event):
    type: ClassVar[str] = "earthquake"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (WeatherChange("windy"), "unknown weather 'windy'"),
        (SceneTransition("forrest"), "Did you mean 'forest'"),
        (ObjectAdd("crat"), "Did you mean 'crate'"),
        (ObjectRemove("castel"), "Did you mean 'castle'"),
        (Earthquake(), "unknown event in Town 'earthquake'"),
    ],
)
def test_events_that_town_does_not_know_are_refused(event, message, make):
    env = make(scene="arena")
    env.reset(seed=0)
    with pytest.raises(GenieGymError, match=message):
        env.unwrapped.apply_event(event)
    assert env.unwrapped.event_log == []


# --- worlds ---


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_builds_renders_and_walks(scene, make):
    env = make(spec=WorldSpec(scene=scene, weather="rainy"), obs=ALL, width=64, height=36)
    seen, info = env.reset(seed=7)
    assert seen["rgb"].std() > 8
    assert (seen["semantic"] != CLASSES.index("sky")).mean() > 0.2
    start = info["agent"][:2]
    for _ in range(24):
        seen, *_, info = env.step(FORWARD)
    assert 0.3 < np.hypot(*(info["agent"][:2] - start)) < 3.2
    assert np.isfinite(seen["agent"]).all()
    assert abs(seen["agent"][AGENT_STATE.index("z")]) < 4


def test_no_two_seeds_give_the_same_layout():
    digests = {make_layout(WorldSpec(scene=SCENES[seed % 10]), seed).digest() for seed in range(150)}
    assert len(digests) == 150


def test_all_that_is_asked_for_is_there():
    asked = WorldSpec(
        scene="medieval_town",
        landmarks=LANDMARKS,
        objects=(
            ObjectSpec("crate", 3, "ahead"),
            ObjectSpec("cactus", 2),
            ObjectSpec("ball", 1, (4.0, -6.0)),
            ObjectSpec("boat", 1, "well"),
        ),
        characters=(CharacterSpec("robot", "follow", 2), CharacterSpec("horse", "stand")),
        without=("tree", "barrel"),
    )
    for seed in range(3):
        kinds = [entity.kind for entity in make_layout(asked, seed).entities]
        assert set(LANDMARKS) <= set(kinds)
        for kind, least in (("crate", 3), ("cactus", 2), ("ball", 1), ("boat", 1), ("robot", 2), ("horse", 1)):
            assert kinds.count(kind) >= least, kind
        assert not {"tree", "barrel"} & set(kinds)
        assert "villager" not in kinds  # the characters asked for, and no others


def test_places_are_where_they_were_said_to_be():
    asked = WorldSpec(
        scene="village",
        landmarks=("well",),
        objects=(ObjectSpec("cone", 1, "left"), ObjectSpec("bench", 1, "well"), ObjectSpec("ball", 1, (9.0, 5.0))),
    )
    for seed in range(4):
        layout = make_layout(asked, seed)
        x, y, yaw = layout.spawn
        at = {e.kind: np.array([e.x, e.y]) for e in layout.entities if e.kind in ("cone", "bench", "ball", "well")}
        left = np.array([-np.sin(yaw), np.cos(yaw)])
        assert (at["cone"] - (x, y)) @ left > 1
        assert np.hypot(*(at["bench"] - at["well"])) < 6
        assert np.hypot(*(at["ball"] - (9, 5))) < 6


def test_the_same_seed_gives_the_same_frames_in_another_process():
    code = """
import hashlib, json, gymnasium as gym, genie_gym, numpy as np
env = gym.make("GenieSim/Town-v0", obs=("rgb", "depth", "instance", "agent"), event_rate=60, width=96, height=54)
digest = hashlib.sha256()
for seed in (1, 2):
    observation, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(40):
        observation = env.step(env.action_space.sample())[0]
        for value in observation.values():
            digest.update(np.ascontiguousarray(value))
    digest.update(env.unwrapped.world_spec.to_json().encode())
print(digest.hexdigest())
"""
    digests = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64


# --- physics ---


def _world(spec: WorldSpec = EMPTY, seed: int = 1) -> TownWorld:
    world = TownWorld(spec, seed)
    for _ in range(24):
        world.step(np.zeros(6))
    return world


def _object(world: TownWorld, kind: str) -> tuple[int, int, int]:
    index = [i for i, e in enumerate(world.layout.entities) if e.kind == kind][-1]
    return index, *world.simulation.free_joint(index)


@pytest.mark.parametrize("gravity", [1.62, 9.81, 20.0])
def test_a_dropped_object_falls_as_gravity_says(gravity):
    world = _world(EMPTY.replace(gravity=gravity, objects=(ObjectSpec("crate", 1, "ahead"),)))
    _, q, v = _object(world, "crate")
    world.simulation.data.qpos[q + 2] += 4
    world.simulation.data.qvel[v : v + 6] = 0
    start, begin = world.simulation.data.qpos[q + 2], world.simulation.data.time
    steps = int(0.8 * np.sqrt(2 * 3.5 / gravity) * 24)
    for _ in range(steps):
        world.step(np.zeros(6))
    fallen, time = start - world.simulation.data.qpos[q + 2], world.simulation.data.time - begin
    assert fallen == pytest.approx(gravity * time**2 / 2, rel=0.02)


def _slide(friction: float) -> float:
    world = _world(
        WorldSpec(scene="arena", friction=friction, objects=(ObjectSpec("crate", 1, "centre"),), without=("barrel",)), 2
    )
    _, q, v = _object(world, "crate")
    start = world.simulation.data.qpos[q : q + 2].copy()
    world.simulation.data.qvel[v : v + 2] = (3.0, 0.0)
    for _ in range(72):
        world.step(np.zeros(6))
    return float(np.hypot(*(world.simulation.data.qpos[q : q + 2] - start)))


def test_a_pushed_crate_slides_farther_with_less_friction():
    rough, normal, slick = (_slide(friction) for friction in (2.0, 1.0, 0.3))
    assert rough < normal < slick
    assert normal == pytest.approx(3.0**2 / (2 * 0.8 * 9.81), rel=0.25)  # v² / (2 μ g)


def test_walls_stop_the_agent():
    world = _world(WorldSpec(scene="arena"), 4)
    for _ in range(24 * 25):
        world.step(np.array([1, 0, 0, 0, 0, 0]))
    assert np.hypot(*world.position[:2]) < 24.5
    world.close()
    world = _world(WorldSpec(scene="harbour"), 4)
    world.agent.yaw = -np.pi / 2  # straight at the sea
    for _ in range(24 * 15):
        world.step(np.array([1, 0, 0, 0, 0, 0]))
    assert world.position[1] > world.layout.quay - 0.1
    assert world.position[2] > -0.2


def _jump_height(world: TownWorld) -> float:
    ground = world.position[2]
    heights = []
    for step in range(120):
        world.step(np.array([0, 0, 0, 0, float(step == 0), 0]))
        heights.append(world.position[2] - ground)
    return float(max(heights))


def test_gravity_events_change_how_high_one_jumps():
    world = _world()
    before = _jump_height(world)
    apply_event(world, PhysicsModifier(gravity=3.0))
    after = _jump_height(world)
    assert before == pytest.approx(4.0**2 / (2 * 9.81), rel=0.06)
    assert after == pytest.approx(4.0**2 / (2 * 3.0), rel=0.06)


def test_ice_makes_it_hard_to_start_and_stop():
    speeds = []
    for friction in (1.0, 0.1):
        world = _world(WorldSpec(scene="arena", friction=friction))
        for _ in range(6):
            world.step(np.array([1, 0, 0, 0, 0, 0]))
        speeds.append(float(np.hypot(*world.agent.velocity[:2])))
    assert speeds[1] < 0.4 * speeds[0]


def test_light_things_are_carried_and_thrown_and_heavy_ones_shoved():
    world = _world(EMPTY.replace(objects=(ObjectSpec("ball", 1, "ahead"),)))
    index, q, _ = _object(world, "ball")
    heading = np.array([np.cos(world.agent.yaw), np.sin(world.agent.yaw)])
    world.simulation.data.qpos[q : q + 2] = world.position[:2] + 1.2 * heading
    mujoco.mj_forward(world.simulation.model, world.simulation.data)
    world.step(np.array([0, 0, 0, 0, 0, 1]))
    assert world.agent.carrying == index
    for _ in range(30):
        world.step(np.array([1, 0, 0, 0, 0, 0]))
    assert np.hypot(*(world.simulation.data.qpos[q : q + 2] - world.position[:2])) < 1.8
    assert world.simulation.data.qpos[q + 2] > world.position[2] + 0.3
    world.step(np.array([0, 0, 0, 0, 0, 1]))
    assert world.agent.carrying is None


def test_crates_float_in_a_flood():
    world = _world(WorldSpec(scene="flooded_street", objects=(ObjectSpec("crate", 2, "ahead"),)), 3)
    _, q, _ = _object(world, "crate")
    assert world.simulation.data.qpos[q + 2] == pytest.approx(world.layout.water_level - 0.15, abs=0.05)


def test_characters_do_what_they_are_told():
    people = tuple(CharacterSpec("villager", b, 1, (5.0 + 3 * k, 5.0)) for k, b in enumerate(("stand", "wander", "patrol")))
    world = _world(WorldSpec(scene="arena", characters=(*people, CharacterSpec("dog", "follow", 1, "behind"))), 5)
    starts = [(p.x, p.y) for p in world.characters]
    moved = np.zeros(len(starts))
    for _ in range(24 * 8):
        world.step(np.array([1, 0, 0.2, 0, 0, 0]))
        moved = np.maximum(moved, [np.hypot(p.x - x, p.y - y) for p, (x, y) in zip(world.characters, starts, strict=True)])
    assert moved[0] == 0
    assert min(moved[1:]) > 1
    dog = world.characters[-1]
    assert np.hypot(dog.x - world.position[0], dog.y - world.position[1]) < 8


# --- ground truth ---


def _backproject(depth: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """World points [H, W, 3] of every pixel."""
    height, width = depth.shape
    x = (np.arange(width) + 0.5 - intrinsics[0, 2]) / intrinsics[0, 0]
    y = (np.arange(height)[:, None] + 0.5 - intrinsics[1, 2]) / intrinsics[1, 1]
    camera = np.stack([np.broadcast_to(x, depth.shape) * depth, np.broadcast_to(y, depth.shape) * depth, depth], -1)
    return camera @ pose[:3, :3].T + pose[:3, 3]


@pytest.mark.parametrize("scene", ["medieval_town", "forest", "desert", "harbour", "indoor_rooms", "snowfield"])
def test_depth_and_pose_carry_one_view_into_the_next(scene, make):
    env = make(
        spec=WorldSpec(scene=scene, characters=()).replace(without=("villager",)), obs=ALL, width=320, height=180, samples=4
    )
    a, _ = env.reset(seed=11)
    for action in (FORWARD, FORWARD, LEFT, FORWARD):
        b = env.step(action)[0]
    points = _backproject(b["depth"], b["pose"].astype(float), b["intrinsics"])
    inverse = np.linalg.inv(a["pose"].astype(float))
    camera = points @ inverse[:3, :3].T + inverse[:3, 3]
    z = np.maximum(camera[..., 2], 1e-3)
    u = a["intrinsics"][0, 0] * camera[..., 0] / z + a["intrinsics"][0, 2] - 0.5
    v = a["intrinsics"][1, 1] * camera[..., 1] / z + a["intrinsics"][1, 2] - 0.5
    inside = (u >= 0) & (u < 318) & (v >= 0) & (v < 178) & (b["depth"] < 300)
    u0, v0 = np.clip(u, 0, 318).astype(int), np.clip(v, 0, 178).astype(int)
    fu, fv = (u - u0)[..., None], (v - v0)[..., None]
    frame = a["rgb"].astype(float)
    warped = (frame[v0, u0] * (1 - fu) + frame[v0, u0 + 1] * fu) * (1 - fv) + (
        frame[v0 + 1, u0] * (1 - fu) + frame[v0 + 1, u0 + 1] * fu
    ) * fv
    row, column = np.clip(np.round(v), 0, 179).astype(int), np.clip(np.round(u), 0, 319).astype(int)
    visible = inside & (np.abs(a["depth"][row, column] - z) < 0.05 * z)
    assert visible.mean() > 0.25
    error = np.mean((warped[visible] - b["rgb"][visible]) ** 2)
    assert 10 * np.log10(255**2 / error) > 25


def test_depth_is_metric(make):
    """A wall of known place is as far as it is."""
    env = make(spec=WorldSpec(scene="arena"), obs=("depth", "pose", "intrinsics", "instance"), width=96, height=54)
    seen, _ = env.reset(seed=2)
    ground = seen["instance"] == 0
    points = _backproject(seen["depth"], seen["pose"].astype(float), seen["intrinsics"])
    assert np.abs(points[ground][:, 2]).max() < 0.03


def test_masks_classes_and_boxes_agree(make):
    env = make(spec=WorldSpec(scene="village", landmarks=("well",)), obs=ALL, width=160, height=90)
    seen, _ = env.reset(seed=4)
    graph = {item["id"]: item for item in env.unwrapped.scene_graph()}
    points = _backproject(seen["depth"], seen["pose"].astype(float), seen["intrinsics"])
    checked = 0
    for number in np.unique(seen["instance"]):
        mask = seen["instance"] == number
        if number not in graph or mask.sum() < 12:
            continue
        item = graph[number]
        assert set(seen["semantic"][mask]) == {CLASSES.index(item["class"])}
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, np.array(item["rotation"], float))
        local = (points[mask] - item["centre"]) @ rotation.reshape(3, 3)
        assert (np.abs(local) < np.array(item["size"]) / 2 + 0.25).all(1).mean() > 0.97, item["name"]
        checked += 1
    assert checked >= 5
    assert (seen["semantic"][seen["instance"] == -1] == CLASSES.index("sky")).all()
    assert (seen["depth"][seen["instance"] == -1] > 300).mean() > 0.97


def test_the_same_moment_at_other_sizes_and_from_behind(make):
    env = make(scene="village")
    frame, _ = env.reset(seed=1)
    large = env.unwrapped.render_at(640, 360)
    assert large.shape == (360, 640, 3)
    small = large.reshape(90, 4, 160, 4, 3).mean((1, 3))
    assert np.abs(small - frame).mean() < 12
    third = make(scene="village", view="third", obs=("semantic", "rgb"))
    assert (third.reset(seed=1)[0]["semantic"] == CLASSES.index("agent")).mean() > 0.005


# --- events ---

EVENTS = [
    WeatherChange("snowy"),
    TimeOfDay(TIMES["night"]),
    ObjectAdd("crate", 2),
    CharacterAdd("knight", "stand"),
    SceneTransition("desert"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.type)
def test_events_show_at_once_and_persist(event, make):
    env = make(spec=WorldSpec(scene="medieval_town", without=("villager", "merchant", "guard", "child", "dog", "knight")))
    env.reset(seed=5)
    for _ in range(10):
        before = env.step(NOOP)[0].astype(int)
    assert np.abs(env.step(NOOP)[0].astype(int) - before).mean() < 0.5  # nothing else moves
    env.unwrapped.apply_event(event)
    first = env.step(NOOP)[0].astype(int)
    for _ in range(30):
        last = env.step(NOOP)[0].astype(int)
    changed = np.abs(first - before).max(-1) > 12
    assert changed.mean() > 0.01
    assert (np.abs(last - before).max(-1) > 12)[changed].mean() > 0.7
    assert env.unwrapped.event_log == [(11, event)]
    assert env.unwrapped.world_spec != WorldSpec(scene="medieval_town")


def test_events_as_text_in_both_languages(make):
    env = make(scene="village")
    env.reset(seed=0)
    sim = env.unwrapped
    assert sim.apply_event("it starts to snow")[0] == WeatherChange("snowy")
    assert sim.apply_event("变成夜晚")[0] == TimeOfDay(TIMES["night"])
    assert sim.apply_event("放一个木箱在左边")[0] == ObjectAdd("crate", 1, "left")
    assert env.step(NOOP)[4]["num_events"] == 3
    assert (sim.world_spec.weather, sim.world_spec.time_of_day) == ("snowy", "night")
    with pytest.raises(GenieGymError, match="no event"):
        sim.apply_event("sing a song")


def test_what_was_there_stays_when_something_is_added():
    world = _world(WorldSpec(scene="arena", objects=(ObjectSpec("ball", 1, "ahead"),)), 3)
    _, q, v = _object(world, "ball")
    world.simulation.data.qvel[v : v + 2] = (2.0, 1.0)
    for _ in range(10):
        world.step(np.array([1, 0, 0.5, 0, 0, 0]))
    ball, agent, velocity = world.simulation.data.qpos[q : q + 3].copy(), world.position, world.agent.velocity
    apply_event(world, ObjectAdd("barrel", 2))
    apply_event(world, CharacterAdd("dog", "wander"))
    _, q, _ = _object(world, "ball")
    assert np.allclose(world.simulation.data.qpos[q : q + 3], ball)
    assert np.allclose(world.position, agent)
    assert np.allclose(world.agent.velocity, velocity)
    names = [entity.name for entity in world.layout.entities]
    assert len(names) == len(set(names))


def test_a_world_that_changed_is_the_world_that_was_so_from_the_start(make):
    """The same seed has the same layout in all weathers and hours, whichever way it came to them."""
    changed = make(spec=WorldSpec(scene="village", seed=4), obs=("rgb", "depth"))
    changed.reset()
    changed.unwrapped.apply_event(WeatherChange("foggy"))
    changed.unwrapped.apply_event(TimeOfDay(18.5))
    made = make(spec=WorldSpec(scene="village", seed=4, weather="foggy", hour=18.5), obs=("rgb", "depth"))
    made.reset()
    for _ in range(5):
        first, second = changed.step(FORWARD)[0], made.step(FORWARD)[0]
    assert np.array_equal(first["rgb"], second["rgb"])
    assert np.array_equal(first["depth"], second["depth"])


def test_what_is_relative_is_counted_from_the_world_as_it_is(make):
    env = make(spec=WorldSpec(scene="village", weather="rainy", hour=10.0))
    env.reset(seed=0)
    sim = env.unwrapped
    assert sim.apply_event("two hours later")[0] == TimeOfDay(12.0)
    assert sim.apply_event("再过两个小时")[0] == TimeOfDay(14.0)
    assert sim.apply_event("double the gravity")[0].gravity == pytest.approx(19.62)
    assert sim.apply_event("half the gravity")[0].gravity == pytest.approx(9.81)
    assert sim.apply_event("the rain stops")[0] == WeatherChange("sunny")
    with pytest.raises(GenieGymError, match="it is sunny already"):
        sim.apply_event("the rain stops")


def test_an_event_says_what_it_ignored_and_what_this_world_cannot_show(make):
    env = make(spec=WorldSpec(scene="indoor_rooms"))
    env.reset(seed=0)
    sim = env.unwrapped
    assert sim.apply_event("add a huge red ball")[1].ignored == ["huge", "red"]
    assert sim.apply_event(ObjectAdd("ball"))[1].ignored == []
    assert any("windmill" in item for item in sim.apply_event("add a crate near the windmill")[1].ignored)
    assert any("indoors" in item for item in sim.apply_event("it starts to rain")[1].ignored)


def _places(world: TownWorld) -> dict[str, tuple]:
    return {item["name"]: (item["id"], *item["centre"]) for item in world.simulation.scene_graph()}


def test_what_is_removed_goes_and_all_else_keeps_its_place():
    spec = WorldSpec(scene="village", landmarks=("castle",), objects=(ObjectSpec("crate", 3, "ahead"),), weather="rainy")
    world = _world(spec, 3)
    before, agent, blocked = _places(world), world.position, world.grid.blocked.sum()
    castle = next(entity for entity in world.layout.entities if entity.kind == "castle")
    assert world.grid.blocked[world.grid.cell(castle.x + 2.0, castle.y + 4.0)] or blocked
    apply_event(world, ObjectRemove("castle"))
    after = _places(world)
    assert set(before) - set(after) == {"castle_1"}
    for name, place in after.items():
        assert np.allclose(place, before[name], atol=0.02), name
    assert np.allclose(world.position, agent)
    assert world.grid.blocked.sum() < blocked  # one can walk where it stood
    assert "castle" not in world.spec.landmarks
    assert "castle" in world.spec.without
    world.builder.room.rng = np.random.default_rng(0)
    assert world.builder.room.fits(castle.x, castle.y, (0.5, 0.5), on_road=True)  # and put something there
    for _ in range(24):
        world.step(np.array([1, 0, 0.2, 0, 0, 0]))


def test_so_many_of_a_kind_are_removed_the_nearest_first():
    spec = WorldSpec(
        scene="desert",
        objects=(
            ObjectSpec("crate", 2, "ahead"),
            ObjectSpec("crate", 2, "left"),
            ObjectSpec("tree", 2),
            ObjectSpec("pine", 2),
        ),
        characters=(CharacterSpec("dog", "stand", 1, "behind"), CharacterSpec("knight", "wander", 2)),
        without=("cactus", "crate", "tree", "pine"),
    )
    world = _world(spec, 6)

    def count(*kinds: str) -> int:
        return sum(item["class"] in kinds for item in world.simulation.scene_graph())

    apply_event(world, ObjectRemove("crate", 1, "left"))
    assert count("crate") == 3
    assert sum(item.count for item in world.spec.objects if item.kind == "crate") == 3
    apply_event(world, ObjectRemove("tree", "half"))  # pines are trees
    assert count("tree", "pine") == 2
    assert apply_event(world, ObjectRemove("crate", 5)) == ["5 x crate (there were 3)"]
    assert count("crate") == 0
    apply_event(world, ObjectRemove("animals"))
    apply_event(world, ObjectRemove("people"))
    assert count("dog", "knight") == 0
    assert world.characters == []
    with pytest.raises(GenieGymError, match="no crate stands here"):
        apply_event(world, ObjectRemove("crate"))
    assert [event.type for _, event in world.event_log] == ["object_remove"] * 5
    apply_event(world, ObjectAdd("crate", 2))
    apply_event(world, CharacterAdd("dog", "follow"))
    assert (count("crate"), count("dog")) == (2, 1)
    names = [item["name"] for item in world.simulation.scene_graph()]
    assert len(names) == len(set(names))
    for _ in range(24):
        world.step(np.array([1, 0, 0.2, 0, 0, 0]))


def test_masks_know_what_is_left_after_a_removal(make):
    env = make(spec=WorldSpec(scene="arena", objects=(ObjectSpec("barrel", 2, "ahead"),)), obs=("instance", "semantic"))
    env.reset(seed=2)
    sim = env.unwrapped
    event, _ = sim.apply_event("remove all the barrels")
    assert event == ObjectRemove("barrel")
    seen = env.step(NOOP)[0]
    assert not (seen["semantic"] == CLASSES.index("barrel")).any()
    known = {item["id"] for item in sim.scene_graph()}
    entities = set(range(1, len(sim.world.layout.entities) + 1))
    assert (set(np.unique(seen["instance"]).tolist()) & entities) <= known


def test_what_a_task_is_about_cannot_be_removed(make):
    env = make(spec=WorldSpec(scene="village", landmarks=("well",)), task="find:well")
    env.reset(seed=1)
    with pytest.raises(GenieGymError, match="what the task is about"):
        env.unwrapped.apply_event("remove the well")


@pytest.mark.parametrize("hour", [TIMES["dawn"], TIMES["dusk"], TIMES["night"]])
@pytest.mark.parametrize("scene", ["village", "forest"])
def test_snow_looks_like_snow_at_every_hour(scene, hour, make):
    """The ground is nearly grey, and lighter than the same ground in the rain."""
    env = make(spec=WorldSpec(scene=scene, weather="snowy", hour=hour, characters=()), obs=("rgb", "instance"))
    seen, _ = env.reset(seed=5)
    ground = seen["rgb"][seen["instance"] == 0].astype(float)
    env.unwrapped.apply_event(WeatherChange("rainy"))
    wet = env.unwrapped.look(("rgb",), 160, 90, 0)["rgb"][seen["instance"] == 0].astype(float)
    red, green, blue = ground.mean(0)
    assert max(red, green, blue) < 1.3 * min(red, green, blue)
    assert red < 1.15 * blue
    assert ground.mean() > 1.15 * wet.mean()


def test_weather_changes_the_grip():
    world = _world(WorldSpec(scene="arena"), 1)
    grips = []
    for weather in WEATHERS:
        apply_event(world, WeatherChange(weather))
        grips.append(world.simulation.model.geom_friction[:, 0].max())
    assert grips[WEATHERS.index("snowy")] < grips[WEATHERS.index("rainy")] < grips[WEATHERS.index("sunny")]


# --- tasks ---


@pytest.mark.parametrize("task", [*TASKS, "find:barrel", "reach_beacon:near"])
def test_the_expert_solves_the_task_and_doing_nothing_does_not(task, make):
    env = make(task=task, obs=("agent",))
    for seed in (1, 2):
        _, info = env.reset(seed=seed)
        assert info["instruction"]
        *_, terminated, truncated, info = env.step(NOOP)
        assert not terminated
        driver = env.unwrapped.driver("expert", np.random.default_rng(seed))
        driver.begin()
        total = 0.0
        while not (terminated or truncated):
            _, reward, terminated, truncated, info = env.step(driver.act())
            total += reward
        assert info["is_success"]
        assert total == (5 if task == "collect_coins" else 1)


def test_a_beacon_that_is_near_is_in_view(make):
    env = make(task="reach_beacon:near", obs=("instance", "pose"))
    for seed in range(6):
        seen, _ = env.reset(seed=seed)
        graph = env.unwrapped.scene_graph()
        rules = goals_of(env.unwrapped.goals[:1])
        goals = told_goals(rules, seen["pose"][None], seen["instance"][None], graph)
        assert goals.facing.all()
        assert 3 < goals.distance.item() < 12


def test_the_wanderer_looks_away_and_comes_back(make):
    env = make(scene="village", obs=("agent",))
    env.reset(seed=2)
    driver = env.unwrapped.driver("wander", np.random.default_rng(0))
    driver.begin()
    states = np.array([env.step(driver.act())[0] for _ in range(1400)])
    places = {(round(x), round(y)) for x, y in states[:, :2]}
    assert len(places) > 15
    cells = (states[:, :2] / 2).round().astype(int)
    returns = sum(
        1 for t in range(240, 1400, 24) if (np.abs(cells[max(0, t - 1400) : t - 120] - cells[t]).sum(1) == 0).any()
    )
    assert returns > 5  # to where it was more than five seconds before
    turned = np.abs(np.diff(np.unwrap(states[:, 3])))
    assert (turned > 0.05).mean() > 0.1


def test_a_survey_looks_from_somewhere_else_each_step(make):
    env = make(scene="village", obs=("agent",))
    start = env.reset(seed=2)[0]
    driver = env.unwrapped.driver("survey", np.random.default_rng(0))
    driver.begin()
    states = np.array([env.step(driver.act())[0] for _ in range(40)])
    assert (np.hypot(*np.diff(states[:, :2], axis=0).T) > 0.2).all()
    assert np.hypot(*(states[:, :2] - start[:2]).T).max() < SURVEYED + 1
    assert len({round(yaw, 2) for yaw in states[:, 3]}) > 30
    assert 0.1 < (np.abs(states[:, 4]) > 0.01).mean() < 0.6  # some look up or down
    grid = env.unwrapped.world.grid
    assert not any(grid.blocked[grid.cell(float(x), float(y))] for x, y in states[:, :2])
    assert (np.hypot(*states[:, 5:7].T) < 0.5).all()  # they stand


def test_a_task_for_one_episode(make):
    env = make(scene="arena", obs=("agent",))
    assert env.reset(seed=1)[1]["instruction"] == ""
    assert env.reset(options={"task": "collect_coins"})[1]["instruction"] == "collect the 5 coins"
    with pytest.raises(GenieGymError, match="Did you mean 'find'"):
        env.reset(options={"task": "fnd"})


def test_the_spec_with_its_seed_is_the_world(make):
    env = make(prompt="a foggy desert with a pyramid and two tents", obs=("rgb",))
    frame, _ = env.reset(seed=9)
    again = make(spec=env.unwrapped.world_spec.to_json(), obs=("rgb",))
    assert np.array_equal(again.reset(seed=77)[0], frame)
    assert json.loads(env.unwrapped.world_spec.to_json())["landmarks"] == ["pyramid"]
