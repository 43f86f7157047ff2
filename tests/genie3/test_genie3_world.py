"""A place made of things: what one sees, how one walks, and what stays as it is."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_place import BACK, DOWN, FORWARD, JUMP, LEFT, NOOP, RIGHT, UP, empty_place, small_place, small_world, thing

from genie_gym.errors import GenieGymError
from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.state import Genie3State
from genie_gym.genie3.world import Genie3World
from genie_gym.imagine import read_prompt
from genie_gym.places.place import Place, Water
from genie_gym.pretrained import load_world, save_world
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


def enter(world: Genie3World, *places: Place, **spec) -> Genie3State:
    """Rows that begin in these places; with a spec, under its conditions."""
    state = world.reset(torch.arange(len(places)), Start(places=places))
    if "weather" in spec:
        state.condition.weather[:] = world.library.config.weathers.index(spec["weather"])
    if "hour" in spec:
        state.condition.hour[:] = spec["hour"]
    if "gravity" in spec:
        state.gravity[:] = spec["gravity"]
    return state


def press(world: Genie3World, state: Genie3State, *keys: int) -> Genie3State:
    for key in keys:
        state, _ = world.step(state, world.key_actions(state, torch.full((state.num_rows,), key)))
    return state


def test_the_same_seed_is_the_same_place_and_another_is_another(world):
    once, again, other = (world.reset(torch.tensor([seed, 9])) for seed in (4, 4, 5))
    assert torch.equal(once.frames, again.frames)
    assert torch.equal(once.frames[1], other.frames[1])
    assert not torch.equal(once.frames[0], other.frames[0])


def test_a_prompt_decides_scene_weather_and_hour(world):
    read = read_prompt(world, "a foggy desert at night with a well")
    state = world.reset(torch.arange(2), Start(prompts=[read, None]))
    assert world.library.config.weathers[state.condition.weather[0]] == "foggy"
    assert float(state.condition.hour[0]) == 23.0
    first = world.places(state)[0]
    assert first.scene == "desert"
    assert [one.name for one in first.things].count("well") == 1
    plain = world.reset(torch.arange(1), Start(prompts=[read_prompt(world, "a village")]))
    assert world.library.config.weathers[plain.condition.weather[0]] == world.vocabulary.weathers[0]
    assert float(plain.condition.hour[0]) == 12.0


def test_hours_and_weathers_show(world):
    def ground(**spec) -> float:
        return float(press(world, enter(world, empty_place(), **spec), NOOP).frames[:, 24:].float().mean())

    assert ground(hour=12.0) > 2 * ground(hour=23.0)
    tree = empty_place(20.0, thing("tree", 15.0, 0.0))
    clear, foggy = (press(world, enter(world, tree, weather=name), NOOP).frames[0].float() for name in ("sunny", "foggy"))
    assert (clear[15:19, 30:34] - foggy[15:19, 30:34]).abs().mean() > 20


def test_what_was_never_recorded_is_said_and_left_out(world):
    read = read_prompt(world, "a harbour with a castle and three villagers")
    assert {"scene harbour: never recorded", "castle: never recorded"} <= set(read.report.ignored)
    world.reset(torch.arange(1), Start(prompts=[read]))


def test_gravity_and_friction_are_as_asked(world):
    prompt = Prompt(WorldSpec(scene="village", gravity=1.6, friction=0.5))
    state = world.reset(torch.arange(1), Start(prompts=[prompt]))
    assert (float(state.gravity[0]), float(state.friction[0])) == pytest.approx((1.6, 0.5))


def test_a_given_place_is_as_it_was_given_and_can_be_told_and_entered_again(world):
    place = small_place(3)
    state = enter(world, place)
    told = world.places(state)[0]
    assert [one.name for one in told.things] == [one.name for one in place.things]
    assert told.spawn == pytest.approx(place.spawn)
    again = enter(world, Place.from_json(told.to_json()))
    assert (again.frames.float() - state.frames.float()).abs().max() <= 40  # blotches of the ground are the row's own
    assert (again.frames.float() - state.frames.float()).abs().mean() < 1
    walked = press(world, state, *[FORWARD] * 12)
    back = enter(world, world.places(walked)[0])
    assert torch.allclose(back.walker.feet, walked.walker.feet, atol=1e-3)


def test_a_prompt_beside_a_place_adds_to_it(world):
    place = small_place(1)
    prompt = read_prompt(world, "a snowy village with a well")
    state = world.reset(torch.arange(2), Start(places=[place, place], prompts=[prompt, None]))
    with_well, without = (counted(told) for told in world.places(state))
    assert with_well["well"] == 1
    assert without["well"] == 0
    assert with_well["building"] >= without["building"]
    assert world.library.config.weathers[state.condition.weather[0]] == "snowy"


def counted(place: Place) -> dict[str, int]:
    names = [one.name for one in place.things]
    return {name: names.count(name) for name in ("well", "building", *names)}


def test_keys_walk_turn_and_look_as_they_say(world):
    state = enter(world, empty_place())
    walked = press(world, state.clone(), *[FORWARD] * 16)
    assert float(walked.walker.feet[0, 0]) == pytest.approx(2.0, abs=0.02)
    back = press(world, walked.clone(), *[BACK] * 12)
    assert float(back.walker.feet[0, 0]) == pytest.approx(1.0, abs=0.02)
    turned = press(world, state.clone(), *[RIGHT] * 18)
    assert float(turned.walker.yaw[0]) == pytest.approx(-math.pi / 2, abs=0.02)
    south = press(world, turned, *[FORWARD] * 8)
    assert float(south.walker.feet[0, 1]) == pytest.approx(-1.0, abs=0.03)
    up = press(world, state.clone(), *[UP] * 30)
    assert float(up.walker.pitch[0]) == pytest.approx(world.config.pitch, abs=1e-3)
    assert float(up.frames[:, :, :, 2].float().mean()) > float(state.frames[:, :, :, 2].float().mean())  # the sky
    level = press(world, up, *[DOWN] * 18)
    assert abs(float(level.walker.pitch[0])) < 0.02


def test_poses_are_as_recordings_have_them(world):
    state = press(world, enter(world, replace(empty_place(), spawn=(1.0, 2.0, math.pi / 2))), *[UP] * 4)
    pose = state.extras["pose"][0]
    assert torch.allclose(pose[:3, 3], torch.tensor([1.0, 2.0, 1.6]), atol=1e-5)
    assert torch.allclose(pose[:3, 0], torch.tensor([1.0, 0.0, 0.0]), atol=1e-5)  # east is to the right of who looks north
    assert float(pose[1, 2]) > 0.9
    assert float(pose[2, 2]) > 0.1  # upwards
    assert torch.allclose(pose[:3, :3] @ pose[:3, :3].T, torch.eye(3), atol=1e-5)


def test_friction_lets_one_slide_on_snow_but_not_under_a_roof(world):
    def after(place: Place, **spec) -> float:
        return float(press(world, enter(world, place, **spec), *[FORWARD] * 12).walker.feet[0, 0])

    meadow = empty_place()
    assert after(meadow, weather="snowy") < 0.5 * after(meadow, weather="sunny")
    roofed = replace(meadow, roof=(-10.0, -10.0, 10.0, 10.0))
    assert after(roofed, weather="snowy") == pytest.approx(after(meadow, weather="sunny"))
    state = press(world, enter(world, meadow, weather="snowy"), *[FORWARD] * 24)
    assert float(press(world, state.clone(), *[NOOP] * 12).walker.feet[0, 0]) > float(state.walker.feet[0, 0]) + 0.3


def test_one_jumps_and_falls_as_gravity_says(world):
    def heights(gravity: float) -> np.ndarray:
        state, found = press(world, enter(world, empty_place(), gravity=gravity), JUMP), []
        for _ in range(60):
            found.append(float(state.walker.feet[0, 2]))
            state = press(world, state, NOOP)
        return np.array(found)

    earth, moon = heights(9.81), heights(1.6)
    assert 0.6 < earth.max() < 1.0
    assert moon.max() > 3 * earth.max()
    landed = int(np.flatnonzero(earth > 0)[-1]) + 1
    assert 12 < landed < 26
    assert not earth[landed:].any()


def test_walls_stop_and_crates_give_way(world):
    wall = empty_place(20.0, thing("building", 4.5, 0.0, math.pi / 2))
    assert float(press(world, enter(world, wall), *[FORWARD] * 40).walker.feet[0, 0]) < 2.4
    crate = empty_place(20.0, thing("crate", 2.0, 0.0, movable=True))
    state = press(world, enter(world, crate), *[FORWARD] * 40)
    line = int((state.things.label[0] == world.classes.index("crate")).nonzero()[0])
    assert float(state.walker.feet[0, 0]) > 3.0
    assert float(state.things.centre[0, line, 0]) > float(state.walker.feet[0, 0])
    both = empty_place(20.0, thing("crate", 2.0, 0.0, movable=True), thing("building", 5.0, 0.0, math.pi / 2))
    blocked = press(world, enter(world, both), *[FORWARD] * 60)
    assert float(blocked.walker.feet[0, 0]) < 2.3


def test_deep_water_stops_and_shallow_water_slows(world):
    pond = (2.0, -5.0, 8.0, 5.0)
    heights = np.zeros((41, 41), np.float32)
    heights[15:26, 22:29] = -1.5
    deep = replace(empty_place(), heights=heights, waters=(Water(-0.2, pond),))
    assert float(press(world, enter(world, deep), *[FORWARD] * 50).walker.feet[0, 0]) < 3.0
    wide = (-20.0, -20.0, 20.0, 20.0)
    shallow = replace(empty_place(), waters=(Water(0.2, wide, shallow=True),))
    with torch.no_grad():
        world.motion.stride.log_wading.fill_(math.log(0.6))
    assert float(press(world, enter(world, shallow), *[FORWARD] * 20).walker.feet[0, 0]) == pytest.approx(1.5, abs=0.1)
    with torch.no_grad():
        world.motion.stride.log_wading.zero_()


def test_one_follows_the_ground_up_and_down(world):
    x = np.linspace(-20, 20, 81)
    hill = np.tile(2 * np.exp(-((x - 5) ** 2) / 8), (81, 1)).astype(np.float32)
    state = enter(world, replace(empty_place(), heights=hill))
    for _ in range(60):
        state = press(world, state, FORWARD)
        ground = float(state.ground.height(state.walker.feet[:, None, :2])[0, 0])
        assert float(state.walker.feet[0, 2]) == pytest.approx(ground, abs=1e-4)
    assert float(state.walker.feet[0, 0]) > 6


def test_who_stands_still_sees_the_same_to_the_bit(world):
    state = press(world, enter(world, empty_place(20.0, thing("tree", 5, 1))), *[FORWARD] * 8, *[NOOP] * 3)
    first = state.frames.clone()
    assert torch.equal(press(world, state, *[NOOP] * 5).frames, first)


def test_turning_away_and_back_is_the_same_picture(world):
    state = enter(world, empty_place(20.0, thing("tree", 5, 1), thing("building", 9, -4)))
    first = state.frames.clone()
    back = press(world, state, *[LEFT] * 18, *[RIGHT] * 18)
    assert (back.frames.float() - first.float()).abs().mean() < 1.0


def test_rows_are_what_they_are_alone_to_the_bit(world):
    count = 20  # more than vector units take at once: what they round in another way than single numbers shows
    places = [small_place(seed) for seed in range(count)]
    keys = torch.from_numpy(np.random.default_rng(0).integers(9, size=(30, count)))

    def play(rows: list[int]) -> list[torch.Tensor]:
        state = world.reset(torch.tensor(rows), Start(places=[places[row] for row in rows]))
        seen = []
        for now in keys:
            state, _ = world.step(state, world.key_actions(state, now[rows]))
            seen.append(
                torch.cat([state.frames.flatten(1), state.extras["depth"].flatten(1), state.things.centre.flatten(1)], 1)
            )
        return torch.stack(seen)

    together = play(list(range(count)))
    for rows in ([3], [19, 1]):
        assert torch.equal(play(rows), together[:, rows])


def test_latent_actions_are_motions_and_random_ones_go_about(world):
    state = enter(world, empty_place())
    rest, _ = world.step(state.clone(), torch.zeros(1, 32))
    assert torch.equal(rest.walker.feet, state.walker.feet)
    forward = world.motion.latent.encode(torch.tensor([[0.0, 0, 0.1, 0, 0, 0]]))
    moved, _ = world.step(state.clone(), forward)
    assert float(moved.walker.feet[0, 0]) == pytest.approx(0.1, abs=1e-3)
    drawn = world.actions.sample(np.random.default_rng(0), 1, 40)
    for t in range(40):
        state, prediction = world.step(state, drawn[:, t])
        assert prediction.frames.shape == (1, 36, 64, 3)
    assert 0.05 < float(state.walker.feet[0, :2].norm()) < 5


def test_prototypes_are_typical_motions(world):
    assert world.prototypes.count == len(world.prototype_names) == 8
    assert "rest" in world.prototype_names
    assert any(name.startswith("forward") for name in world.prototype_names)
    actions = world.prototype_actions(torch.arange(8))
    assert actions.shape == (8, 32)
    assert float(actions.abs().max()) <= 1


def test_it_draws_at_any_size(world):
    state = enter(world.at_size(90, 160), small_place())
    assert state.frames.shape == (1, 90, 160, 3)
    assert state.extras["depth"].shape == (1, 90, 160)
    assert world.frame_shape == (36, 64, 3)
    large, small = (world.at_size(*size).camera for size in ((90, 160), (36, 64)))
    assert large.focal / large.height == pytest.approx(small.focal / small.height)
    for size in ((8, 64), (2000, 2000)):
        with pytest.raises(GenieGymError, match="frames have sides of at least 16 pixels"):
            world.at_size(*size)


def test_depth_classes_and_instances_agree(world):
    state = enter(world, empty_place(20.0, thing("building", 7.0, 0.0)))
    depth, label, instance = (state.extras[name][0] for name in ("depth", "semantic", "instance"))
    middle = (18, 32)
    assert float(depth[middle]) == pytest.approx(4.0, abs=0.1)
    assert world.classes[int(label[middle])] == "building"
    assert int(instance[middle]) == int(state.things.id[0, 4])
    assert world.classes[int(label[0, 0])] == "sky"
    assert int(instance[0, 0]) == -1
    assert world.classes[int(label[-1, 32])] == "ground"
    assert int(instance[-1, 32]) == 0


def test_scene_graphs_are_the_table(world):
    state = enter(world, replace(empty_place(20.0, thing("well", 6.0, 3.0, 0.4)), spawn=(0.0, 3.0, 0.0)))
    graph = world.scene_graphs(state)[0]
    well = next(one for one in graph.objects if one.name == "well")
    assert well.centre == pytest.approx((6.0, -0.8, 3.0))
    assert well.size == pytest.approx((2.0, 1.6, 2.0))
    assert well.heading == pytest.approx(math.pi / 2 - 0.4)
    assert well.pixels == int((state.extras["instance"] == well.id).sum()) > 20
    assert graph.objects[0] is well
    right, _, forward = graph.place(well)
    assert forward == pytest.approx(6.0, abs=0.2)
    assert abs(right) < 0.2


def test_a_world_is_saved_and_loaded(world, tmp_path):
    save_world(world, tmp_path)
    loaded = load_world(tmp_path, "cpu")
    assert isinstance(loaded, Genie3World)
    assert loaded.config == world.config
    assert Genie3Config.from_dict(world.config.to_dict()) == world.config
    first, other = (enter(each, small_place()) for each in (world, loaded))
    assert (first.frames.int() - other.frames.int()).abs().max() <= 2  # light is kept in half precision
    moved, same = (press(each, state, *[FORWARD] * 5) for each, state in ((world, first), (loaded, other)))
    assert torch.allclose(moved.walker.feet, same.walker.feet, atol=2e-3)
    again = load_world(tmp_path, "cpu")
    assert torch.equal(again.reset(torch.arange(1)).frames, loaded.reset(torch.arange(1)).frames)


def test_without_layouts_it_shows_what_it_is_given(tmp_path):
    bare = small_world(layout=None)
    assert set(bare.parts()) == {"library", "motion"}
    enter(bare, small_place())
    with pytest.raises(GenieGymError, match="learned no layouts"):
        bare.reset(torch.arange(1))
