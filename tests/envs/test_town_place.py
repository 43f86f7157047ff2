"""A town's layout as a place: what instance masks and depth show lies in the boxes."""

import hashlib
import json

import gymnasium as gym
import numpy as np
import pytest
from boxes import in_boxes, points_of

import genie_gym  # noqa: F401
from genie_gym.envs.sim.town.layout import CLASSES
from genie_gym.envs.sim.town.pieces import merged
from genie_gym.envs.sim.town.place import place_of
from genie_gym.envs.sim.town.plane import HALF
from genie_gym.envs.sim.town.scenes import make_layout
from genie_gym.envs.sim.town.surroundings import FLOOR_BEYOND, edge_pieces, surroundings
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.places.place import Place
from genie_gym.text.spec import WorldSpec

WHOLE = ("stands", "rooms", "pier")  # entities that are told in parts


def make_town(scene, seed, **options):
    env = gym.make("GenieSim/Town-v0", scene=scene, **options)
    observation, info = env.reset(seed=seed)
    return env, observation, info


@pytest.fixture(scope="module", params=VOCABULARY.scenes)
def town(request):
    """A town of each scene, and its place when the episode begins."""
    obs = ("depth", "instance", "semantic", "pose", "intrinsics")
    env, _, _ = make_town(request.param, 5, obs=obs, width=128, height=72)
    yield env, place_of(env.unwrapped.world.layout), request.param
    env.close()


def test_things_are_those_of_the_scene_graph(town):
    env, place, scene = town
    env.reset(seed=5)
    graph, by_id = env.unwrapped.scene_graph(), {thing.id: thing for thing in place.things}
    for facts in graph:
        if facts["name"].rpartition("_")[0] in WHOLE:
            continue
        thing = by_id[facts["id"]]
        assert (thing.name, thing.movable, thing.behaviour) == (facts["class"], facts["movable"], facts["behaviour"])
        assert np.allclose(thing.centre, facts["centre"], atol=1e-3)
        assert np.allclose(thing.size, facts["size"], atol=0.011)
        assert np.cos(thing.yaw - 2 * np.arctan2(facts["rotation"][3], facts["rotation"][0])) > 1 - 1e-6
    assert {facts["id"] for facts in graph} <= by_id.keys()
    assert Place.from_json(place.to_json()).to_json() == place.to_json()
    assert place.scene == scene
    assert len({(thing.kind, thing.centre) for thing in place.things}) == len(place.things)


def test_what_a_frame_shows_lies_in_the_boxes_of_its_things(town):
    env, place, _ = town
    by_id = {}
    for thing in place.things:
        by_id.setdefault(thing.id, []).append(thing)
    right, seen = 0, 0
    for _ in range(4):
        for _ in range(18):  # a quarter turn
            observation = env.step(3)[0]
        there = observation["depth"] < 150
        for number in np.unique(observation["instance"][there]):
            chosen = there & (observation["instance"] == number)
            name = CLASSES[observation["semantic"][chosen][0]]
            if name in ("ground", "water"):
                continue
            things = by_id[int(number)]
            assert {thing.name for thing in things} == {name}
            if things[0].movable or things[0].behaviour:  # they are elsewhere by now
                continue
            points = points_of(observation, chosen)
            floor = np.abs(points).max(-1) > 31.9 if name == "boundary" else np.zeros(len(points), bool)
            floor &= np.abs(points[:, 2] - FLOOR_BEYOND) < 0.3  # the ground outside the square
            within = in_boxes(points, things) | floor
            right, seen = right + within.sum(), seen + len(within)
            if name == "boundary":
                assert within.mean() > 0.95
    assert right > 0.97 * seen > 0


@pytest.mark.parametrize("scene", VOCABULARY.scenes)
def test_pieces_are_drawn_as_one_vertex_by_vertex(scene):
    layout = make_layout(VOCABULARY.complete(WorldSpec(scene=scene)), 3)
    edge, drawn = merged(edge_pieces(layout)), surroundings(layout)[0]
    points, skirt = edge.solid.arrays()[0], len(drawn.solid.arrays()[0]) - len(edge.solid.arrays()[0])
    assert skirt == 4 * (3 if scene == "harbour" else 4)
    assert np.array_equal(points, drawn.solid.arrays()[0][skirt:])
    for entity in layout.entities:
        assert bool(entity.pieces) == (entity.kind in WHOLE)
        if entity.pieces:
            assert np.array_equal(merged(entity.pieces).points(), entity.shape.points())
            assert len(merged(entity.pieces).colliders) == len(entity.shape.colliders)


# Of the vertices of one layout's edge and large things, in millimetres, in the order in which they are drawn.
DRAWN = {
    "medieval_town": "cd7530490139", "modern_street": "e28dcef5f624", "village": "9364e4c829e5",
    "forest": "8e6845474545", "desert": "31cdd4ae0b8d", "snowfield": "9b442b679c4b",
    "arena": "65e83f9950d1", "harbour": "2bcb1f3ac340", "flooded_street": "e28dcef5f624",
    "indoor_rooms": "e943309d2f60",
}  # fmt: skip


@pytest.mark.parametrize("scene", VOCABULARY.scenes)
def test_worlds_are_drawn_as_they_were_before_they_had_pieces(scene):
    layout = make_layout(VOCABULARY.complete(WorldSpec(scene=scene)), 3)
    shapes = [surroundings(layout)[0], *(entity.shape for entity in layout.entities if entity.kind in WHOLE)]
    assert _digest(shapes) == DRAWN[scene]


def _digest(shapes):
    points = np.concatenate([shape.points() for shape in shapes])
    return hashlib.sha256((points * 1000 + 0.2871).round().astype(np.int32).tobytes()).hexdigest()[:12]


def test_the_ground_is_told_as_it_is_painted():
    street = place_of(make_layout(VOCABULARY.complete(WorldSpec(scene="modern_street")), 3))
    materials = [road.material for road in street.roads]
    assert materials == ["pavement"] * (len(materials) // 2) + ["asphalt"] * (len(materials) // 2)
    assert all((road.marks is not None) == (road.material == "asphalt") for road in street.roads)
    assert street.base == "concrete"
    assert street.beyond == "grey"
    assert not street.waters
    village = place_of(make_layout(VOCABULARY.complete(WorldSpec(scene="village")), 3))
    assert all(road.soft > 0 for road in village.roads)
    assert {area.material for area in village.areas} == {"crops"}
    assert village.heights.shape == (49, 49)
    harbour = place_of(make_layout(VOCABULARY.complete(WorldSpec(scene="harbour")), 3))
    flood = place_of(make_layout(VOCABULARY.complete(WorldSpec(scene="flooded_street")), 3))
    assert not harbour.waters[0].shallow
    assert flood.waters[0].shallow
    assert harbour.waters[0].bounds[3] < 0
    assert harbour.waters[0].level == -1
    rooms = place_of(make_layout(VOCABULARY.complete(WorldSpec(scene="indoor_rooms")), 3))
    assert rooms.roof is not None
    assert {"rooms_wall", "lintel", "ceiling"} <= {thing.kind for thing in rooms.things}


@pytest.mark.parametrize("options", [{}, {"spec": WorldSpec(scene="desert"), "task": "collect_coins"}])
def test_what_is_laid_out_for_a_seed_is_where_its_episode_begins(options):
    env = gym.make("GenieSim/Town-v0", obs=("pose",), **options)
    env.reset(seed=8)
    spec, place = env.unwrapped.lay_out(9)
    begun = env.unwrapped.place()
    env.reset(seed=9)
    assert spec == json.loads(env.unwrapped.world_spec.to_json())
    about, other = place_of(env.unwrapped.world.layout).to_dict(), env.unwrapped.place().to_dict()
    assert place.to_dict() == about
    assert other["roads"] == about["roads"] != begun.to_dict()["roads"] or options.get("spec")
    assert [thing["name"] for thing in other["things"]] == [thing["name"] for thing in about["things"]]
    env.close()


def test_the_place_tells_where_things_are_now():
    env = gym.make("GenieSim/Town-v0", prompt="a village with a dog ahead of you", obs=("pose",))
    env.reset(seed=4)
    start = {thing.id: thing for thing in env.unwrapped.place().things}
    for _ in range(48):
        env.step(0)
    env.unwrapped.apply_event("a red barrel appears behind me")
    env.unwrapped.apply_event("remove one tree")
    now = {thing.id: thing for thing in env.unwrapped.place().things if thing.name != "boundary"}
    graph = {facts["id"]: facts for facts in env.unwrapped.scene_graph()}
    assert now.keys() == graph.keys()
    for number, thing in now.items():
        assert np.allclose(thing.centre, graph[number]["centre"], atol=2e-3)
    assert any(start[number].centre != now[number].centre for number in start.keys() & now.keys() if now[number].behaviour)
    env.close()


@pytest.mark.parametrize("scene", ["medieval_town", "indoor_rooms"])
def test_who_explores_sees_sides_of_things_from_near_the_whole_world_over(scene):
    obs = ("depth", "instance", "pose", "intrinsics")
    env, _, _ = make_town(scene, 5, obs=obs, width=64, height=36)
    driver = env.unwrapped.driver("explore", np.random.default_rng(0))
    driver.begin()
    seen = [env.step(driver.act())[0] for _ in range(120)]
    depth = np.stack([observation["depth"] for observation in seen])
    places = np.stack([observation["pose"][:2, 3] for observation in seen])
    assert np.abs(places).max() < HALF
    assert np.ptp(places, axis=0).min() > 30  # today's survey stays within 20 m on foot
    near = (depth[:, 18, 32] > 0.7) & (depth[:, 18, 32] < 7)
    assert near.mean() > 0.5
    buildings = {thing.id for thing in env.unwrapped.place().things if thing.name == "building"}
    shown = {number for observation in seen for number in np.unique(observation["instance"])}
    assert len(buildings & shown) > 0.6 * len(buildings)
    env.close()
