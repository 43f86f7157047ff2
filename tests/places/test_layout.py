"""Layouts of places: what is asked for is there, nothing overlaps, same seed same place, what is given stays."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.places.layout import requests
from genie_gym.places.layout.boxes import separation
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.judge import SceneJudge, at_word, board_of, counts, nearest_training_layout, stands
from genie_gym.places.layout.mining import mine
from genie_gym.places.layout.model import LayoutModel, layout_loss
from genie_gym.places.layout.nets import CachedPlanNet
from genie_gym.places.layout.plan import PlanCoder
from genie_gym.places.layout.records import AT
from genie_gym.places.layout.tables import LayoutTables
from genie_gym.places.place import Area, Place, Road, Thing, Water
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec

SCENES = ("hamlet", "shore", "ring", "house", "table")
ASKED = WorldSpec(
    "hamlet",
    landmarks=("obelisk",),
    objects=(ObjectSpec("box", 3, "ahead"), ObjectSpec("pole", 2, "obelisk"), ObjectSpec("box", 1, (5.0, -7.0))),
    characters=(CharacterSpec("cat", "stand", 2),),
)


def recorded(number: int) -> tuple[dict, Place]:
    """A place of a scene of its own kind, and its spec."""
    rng = np.random.default_rng(number)
    scene = SCENES[number % len(SCENES)]
    spec = WorldSpec(scene)
    if number % 3 == 0 and scene != "table":
        spec = spec.replace(landmarks=("obelisk",), objects=(ObjectSpec("box", 2), ObjectSpec("pole", 1)))
    things = _inside(scene, rng, spec)
    make = {"hamlet": _hamlet, "shore": _shore, "ring": _ring, "house": _house, "table": _table}
    place = make[scene](rng, things)
    return json.loads(spec.to_json()), place.replace(scene=scene)


def _inside(scene: str, rng: np.random.Generator, spec: WorldSpec) -> list[Thing]:
    if scene == "table":
        return []
    things = [Thing("obelisk", (*rng.uniform(-12, 12, 2), 4.0), (3.0, 3.0, 8.0), 0.0) for _ in spec.landmarks]
    for name, size, count, movable in (("box", 0.8, 4, True), ("pole", 0.4, 5, False)):
        asked = sum(one.count for one in spec.objects if one.kind == name)
        for _ in range(count + asked):
            things.append(Thing(name, (*rng.uniform(-14, 14, 2), size), (size, size, 2 * size), 0.3, movable=movable))
    things += [Thing("cat", (*rng.uniform(-10, 10, 2), 0.3), (0.5, 0.2, 0.6), 0.0, behaviour="wander") for _ in range(2)]
    kept: list[Thing] = []
    for thing in things:
        if all(np.hypot(thing.centre[0] - k.centre[0], thing.centre[1] - k.centre[1]) > 3 for k in kept):
            kept.append(thing)
    return kept


def _edge(kind: str, half: float, low: float) -> list[Thing]:
    along = [k * 8 + 4 - half for k in range(int(2 * half // 8))]
    sides = [((x, y), yaw) for x in along for y, yaw in ((half + 1, 0.0), (-half - 1, np.pi)) if y > low]
    sides += [((x, y), np.pi / 2) for y in along for x in (half + 1, -half - 1) if y > low]
    hills = [Thing("edge", (90 * np.cos(a), 90 * np.sin(a), 5.0), (30.0, 30.0, 10.0), 0.0, "hill") for a in (0.4, 1.5, 2.6)]
    return [Thing("edge", (x, y, 1.5), (8.0, 1.0, 3.0), yaw, kind) for (x, y), yaw in sides] + hills


def _hamlet(rng: np.random.Generator, things: list[Thing]) -> Place:
    y = float(np.round(rng.uniform(-10, 10)))
    houses = []
    for side in (1, -1):
        x = -28 + rng.uniform(0, 3)
        while x < 28:
            deep = float(rng.uniform(5, 6))
            houses.append(
                Thing(
                    "home", (x, y + side * (2 + 0.5 + deep / 2), 2.5), (6.0, deep, 5.0), 0.0 if side > 0 else np.pi, "brick"
                )
            )
            x += 6.5
    things = [t for t in things if abs(t.centre[1] - y) > 11 or abs(t.centre[1] - y) < 1.5]
    heights = np.zeros((17, 17), np.float32) + np.linspace(0, 2, 17, dtype=np.float32)
    ground = Place(heights=heights)
    raised = [(t, (*t.centre[:2], t.centre[2] + ground.height(*t.centre[:2]))) for t in (*houses, *things)]
    stood = [dataclasses.replace(thing, centre=centre) for thing, centre in raised]
    return Place(
        base="grass", beyond="grass", roads=(Road(((-32.0, y), (32.0, y)), 4.0, "dirt"),), heights=heights,
        things=(*stood, *_edge("wall", 32, -99)), spawn=(-25.0, y, 0.0),
    )  # fmt: skip


def _shore(rng: np.random.Generator, things: list[Thing]) -> Place:
    quay = float(rng.uniform(-20, -15))
    piers = [Thing("deck", (x, quay - 4, -0.2), (2.0, 8.0, 0.4), 0.0, "pier") for x in (-15.0, 0.0, 15.0)]
    boats = [Thing("boat", (x + 2.2, quay - 4, -0.5), (1.5, 4.0, 1.0), 0.0) for x in (-15.0, 0.0, 15.0)]
    things = [t for t in things if t.centre[1] > quay + 4]
    return Place(
        base="stone", beyond="grass", waters=(Water(-1.0, (-200.0, -200.0, 200.0, quay)),),
        things=(*piers, *boats, *things, *_edge("wall", 32, quay)), spawn=(20.0, quay + 2, 1.0),
    )  # fmt: skip


def _ring(rng: np.random.Generator, things: list[Thing]) -> Place:
    radius = float(rng.uniform(18, 21))
    angles = np.arange(12) * np.pi / 6
    pieces = [
        Thing(
            "stands", ((radius + 1) * np.cos(a), (radius + 1) * np.sin(a), 2.0), (2.0, 0.5 * radius, 4.0), float(a), "stand"
        )
        for a in angles
    ]
    things = [t for t in things if np.hypot(*t.centre[:2]) < radius - 2]
    return Place(
        base="sand", beyond="sand", areas=(Area("clay", 0.0, 0.0, (radius, radius), True),),
        things=(*pieces, *things, *_edge("wall", 32, -99)), spawn=(0.0, -15.0, 1.5),
    )  # fmt: skip


def _house(rng: np.random.Generator, things: list[Thing]) -> Place:
    xs, ys = (np.cumsum([0, *rng.uniform(6, 8, 2)]) for _ in range(2))
    xs, ys = xs - xs[-1] / 2, ys - ys[-1] / 2
    walls = []
    for y in ys:
        for west, east in pairwise(xs):
            for low, high in ((west, (west + east) / 2 - 1), ((west + east) / 2 + 1, east)):
                walls.append(Thing("house", ((low + high) / 2, y, 1.5), (high - low, 0.2, 3.0), 0.0, "wall"))
    for x in xs:
        for south, north in pairwise(ys):
            for low, high in ((south, (south + north) / 2 - 1), ((south + north) / 2 + 1, north)):
                walls.append(Thing("house", (x, (low + high) / 2, 1.5), (high - low, 0.2, 3.0), np.pi / 2, "wall"))
    rooms = [((w + e) / 2, (s + n) / 2, ((e - w) / 2, (n - s) / 2)) for w, e in pairwise(xs) for s, n in pairwise(ys)]
    covers = [Thing("house", (x, y, 3.1), (2 * half[0], 2 * half[1], 0.2), 0.0, "ceiling") for x, y, half in rooms]
    things = [t for t in things if np.hypot(*t.centre[:2]) > 13]
    chairs = [Thing("chair", (x + rng.uniform(-1.5, 1.5), y + 1.5, 0.4), (0.5, 0.5, 0.8), 0.0) for x, y, _ in rooms]
    return Place(
        base="grass", beyond="grass", areas=tuple(Area("wood", x, y, half) for x, y, half in rooms),
        roof=(float(xs[0]), float(ys[0]), float(xs[-1]), float(ys[-1])),
        things=(*walls, *covers, *chairs, *things, *_edge("wall", 32, -99)), spawn=(rooms[0][0], rooms[0][1] - 1, 0.0),
    )  # fmt: skip


def _table(rng: np.random.Generator, things: list[Thing]) -> Place:
    cubes = [Thing("cube", (float(x), float(y), 0.03), (0.06, 0.06, 0.06), float(rng.uniform(-3, 3)), movable=True)
             for x, y in rng.uniform(-0.8, 0.8, (4, 2))]  # fmt: skip
    return Place(half=1.0, base="wood", beyond="wood", things=tuple(cubes), spawn=(0.0, -0.95, 1.57))


@pytest.fixture(scope="module")
def pairs() -> list[tuple[dict, Place]]:
    return [recorded(number) for number in range(45)]


@pytest.fixture(scope="module")
def model(pairs) -> LayoutModel:
    torch.manual_seed(0)
    config, arrays = mine(pairs)
    config = dataclasses.replace(config, width=32, plan_width=32, plan_layers=1)
    made = LayoutModel.mined(config, arrays)
    tables = LayoutTables(pairs, config, arrays, per_place=4)
    optimiser = torch.optim.Adam(made.parameters(), 1e-2)
    rng = np.random.default_rng(0)
    first = None
    for _ in range(80):
        loss, parts = layout_loss(made, tables.batch(rng, 32, 16, 16))
        first = first or parts
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(parts[name] < first[name] for name in parts)
    return made.eval()


@pytest.fixture(scope="module")
def places(model) -> list[Place]:
    return model.sample([WorldSpec(scene) for scene in SCENES], range(len(SCENES)))


def test_a_place_has_what_recorded_ones_of_its_scene_have(model, places):
    hamlet, shore, ring, house, table = places
    assert [place.scene for place in places] == list(SCENES)
    assert hamlet.roads[0].material == "dirt"
    assert sum(thing.name == "home" for thing in hamlet.things) > 3
    assert {thing.kind for thing in shore.things} >= {"pier", "wall", "hill"}
    assert not shore.waters[0].shallow
    assert sum(thing.kind == "stand" for thing in ring.things) == 12
    assert house.roof is not None
    assert len(house.areas) == 4
    assert sum(thing.kind == "ceiling" for thing in house.things) == 4
    assert table.half == 1.0
    assert {thing.name for thing in table.things} == {"cube"}


def test_homes_stand_along_their_road(model, places):
    hamlet = places[0]
    turned = stands(model, hamlet).turned
    assert np.mean(turned) < 3


def test_what_is_asked_for_is_there_and_where_it_was_asked_for(model):
    for place in model.sample([ASKED] * 3, [5, 6, 7]):
        found = stands(model, place, json.loads(ASKED.to_json()))
        assert found.kept == found.asked == 9
        assert at_word(place, "box", "ahead")
        assert at_word(place, "pole", "obelisk")
        assert any(np.hypot(t.centre[0] - 5, t.centre[1] + 7) < 4 for t in place.things if t.name == "box")
        assert sum(t.behaviour == "stand" for t in place.things if t.name == "cat") == 2


def test_without_is_without(model):
    for place in model.sample([WorldSpec("hamlet", without=("box", "home"))] * 2, [0, 1]):
        assert not {"box", "home"} & {thing.name for thing in place.things}


def test_nothing_overlaps_and_the_ground_is_reached(model, places):
    for place in places:
        found = stands(model, place)
        assert found.overlaps == 0
        if place.scene != "ring":
            assert found.reached >= 0.9
    board = board_of(model, places[0])
    here = np.array([[*places[0].spawn, 0.3, 0.3]])
    assert (separation(here, board.cores) > 0).all()


def test_things_stand_on_the_ground(places):
    for thing in places[0].things:
        if thing.name in ("home", "box"):
            assert abs(thing.base - places[0].height(*thing.centre[:2])) < 0.7


def test_the_same_seed_gives_the_same_place_whatever_else_is_asked_for(model, places):
    alone = model.sample([WorldSpec("ring")], [2])[0]
    assert alone.to_json() == places[2].to_json()
    other = model.sample([WorldSpec("ring")], [3])[0]
    assert other.to_json() != alone.to_json()
    night = model.sample([WorldSpec("ring", hour=23.0)], [2])[0]
    assert night.to_json() == alone.to_json()


def test_what_is_given_is_kept(model):
    thing = Thing("home", (3.0, 4.0, 2.5), (6.0, 5.0, 5.0), 0.4, "brick", tint=(0.5, 0.6, 0.7))
    own = Thing("spaceship", (-9.0, 9.0, 1.0), (4.0, 4.0, 2.0))
    part = Place(things=(thing, own), spawn=(0.0, -20.0, 1.0), scene="hamlet")
    place = model.sample([WorldSpec("hamlet")], [1], [part])[0]
    assert place.things[:2] == (thing, own)
    assert place.spawn == part.spawn
    assert len(place.things) > 10
    assert place.roads


def test_known_ground_stays_and_nothing_comes_where_all_is_seen(model):
    seen = np.ones((4, 4), bool)
    seen[:, 2:] = False
    road = Road(((-32.0, 3.0), (32.0, 3.0)), 4.0, "dirt")
    part = Place(roads=(road,), base="grass", spawn=(0.0, 3.0, 0.0), scene="hamlet")
    place = model.sample([WorldSpec("hamlet")], [1], [Given(part, seen=seen)])[0]
    assert place.roads == (road,)
    assert all(thing.centre[0] > -0.01 for thing in place.things if thing.name in ("home", "box", "pole"))
    elsewhere = model.sample([WorldSpec("hamlet")], [1], [Given(part, ground=False, spawn=False)])[0]
    assert elsewhere.roads[0].points != road.points
    assert elsewhere.spawn != part.spawn


def test_bad_requests_get_a_sentence(model):
    for spec in (WorldSpec("mars"), WorldSpec("hamlet", landmarks=("homes",)), WorldSpec(objects=(ObjectSpec("sofa"),))):
        with pytest.raises(GenieGymError, match="unknown"):
            model.sample([spec], [0])
    with pytest.raises(GenieGymError, match="needs a seed"):
        model.sample([WorldSpec("hamlet")], [])
    with pytest.raises(GenieGymError, match="there are none"):
        mine([])
    with pytest.raises(GenieGymError, match="another name"):
        mine([(None, Place(things=(Thing("spawn", (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)),)))])


def test_a_model_is_its_configuration_and_its_weights(model, places):
    config = LayoutConfig.from_dict(json.loads(json.dumps(model.config.to_dict())))
    assert config == model.config
    again = LayoutModel(config)
    again.load_state_dict(model.state_dict())
    assert again.eval().sample([WorldSpec("hamlet")], [0])[0].to_json() == places[0].to_json()
    with pytest.raises(GenieGymError, match="JSON object"):
        LayoutConfig.from_dict({"nonsense": 1})


def test_grounds_survive_their_tokens(model, pairs):
    coder = PlanCoder(model.config.looks)
    for _, place in pairs[:5]:
        tokens = coder.encode(place)
        plan = coder.decode(tokens, place.half, np.random.default_rng(0))
        assert [road.material for road in plan.roads] == [road.material for road in place.roads]
        for road, real in zip(plan.roads, place.roads, strict=True):
            assert np.abs(np.array(road.points) - np.array(real.points)).max() < 0.6
            assert abs(road.width - real.width) < 0.1


def test_measures(model, pairs, places):
    real = [place for _, place in pairs]
    judge = SceneJudge(model, real, steps=60)
    assert judge.right(real) > 0.9
    assert judge.right(places) >= 0.8
    assert nearest_training_layout(model, real[0], real) < 0.01 < nearest_training_layout(model, places[0], real)
    assert counts(model, places).shape == (len(places), len(model.config.classes))


def test_the_cached_network_says_what_the_network_says(model):
    coder, net = model.coder, model.plan
    tokens = coder.encode(recorded(0)[1])
    numbers = coder.numbers(tokens)
    with torch.no_grad():
        read = net(torch.tensor([tokens]), torch.tensor([numbers]), torch.tensor([0]))[0].numpy()
    cached = CachedPlanNet(net, 0)
    one_by_one = [cached.next(before, number) for before, number in zip([0, *tokens], numbers, strict=False)]
    np.testing.assert_allclose(np.stack(one_by_one), read, atol=1e-4)


def sampled(pairs: list[tuple[dict | None, Place]], seed: int = 0) -> Place:
    """A place of a model that has mined these and learned nothing."""
    scene = pairs[0][1].scene
    return LayoutModel.mined(*mine(pairs)).eval().sample([WorldSpec(scene)], [seed])[0]


def test_what_is_rare_is_known_however_late_it_comes():
    plain = Place(scene="x", things=(Thing("box", (3.0, 4.0, 1.0), (1.0, 1.0, 2.0)),))
    rare = Thing("box", (5.0, 6.0, 1.0), (1.0, 1.0, 2.0), kind="chest", behaviour="jump")
    pairs = [(None, plain)] * 155 + [(None, plain.replace(things=(rare,), areas=(Area("lava", 0.0, 0.0, (3.0, 3.0)),)))]
    config, arrays = mine(pairs)
    assert "chest" in config.kinds
    assert "lava" in config.materials
    LayoutTables(pairs, config, arrays, per_place=1)


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_equal_rooms_have_one_ceiling_each_at_any_scale(scale):
    whole = recorded(3)[1]
    things = tuple(
        dataclasses.replace(t, centre=tuple(v * scale for v in t.centre), size=tuple(v * scale for v in t.size))
        for t in whole.things
        if t.kind in ("wall", "ceiling")
    )
    areas = tuple(Area(a.material, a.x * scale, a.y * scale, (a.half[0] * scale, a.half[1] * scale)) for a in whole.areas)
    roof = tuple(value * scale for value in whole.roof)
    house = Place(32 * scale, things=things, areas=areas, roof=roof, spawn=(0.1 * scale, 0.1 * scale, 0.0), scene="house")
    turned = [house.replace(things=tuple(dataclasses.replace(t, yaw=t.yaw + k / 1000) for t in things)) for k in range(9)]
    place = sampled([(None, one) for one in turned])
    assert sum(thing.kind == "ceiling" for thing in place.things) == 4
    walls = [thing for thing in house.things if thing.name == "house" and thing.kind == "wall"]
    assert sum(thing.name == "house" and thing.kind == "wall" for thing in place.things) == len(walls)
    looks = Counter(thing.look for thing in place.things if thing.kind == "wall" and thing.name == "house")
    assert looks.pop(0) == 16, "outer walls are of one look"
    assert sorted(looks.values()) == [2, 2, 2, 2], "inner ones each of their own"


def test_hills_may_be_high():
    rng = np.random.default_rng(0)
    fields = [np.outer(*rng.uniform(-1, 1, (2, 33))).cumsum(0).cumsum(1).astype(np.float32) for _ in range(8)]
    fields = [300 * field / np.ptp(field) for field in fields]
    place = sampled([(None, Place(scene="x", heights=field)) for field in fields])
    assert np.ptp(place.heights) == pytest.approx(300, rel=0.1)


def test_things_on_a_table_stand_on_others_as_recorded():
    cubes = [Thing("cube", (x, 0.0, z), (0.06, 0.06, 0.06)) for x, z in ((0.0, 0.03), (0.3, 0.03), (0.0, 0.09))]
    place = Place(half=1.0, scene="table", things=tuple(cubes), spawn=(0.0, -0.9, 1.57))
    rng = np.random.default_rng(0)
    moved = [tuple(dataclasses.replace(t, yaw=float(rng.uniform(-1, 1))) for t in place.things) for _ in range(4)]
    config, arrays = mine([(None, place.replace(things=things)) for things in moved])
    lifts = arrays["records"][arrays["records"][:, 1] == config.classes.index("cube"), AT["lift"]]
    assert np.unique(lifts) == pytest.approx([0.0, 0.06], abs=1e-4)


def test_a_landmark_is_what_is_asked_for_as_one(model):
    place = model.sample([WorldSpec("table", landmarks=("pole",))], [0])[0]
    assert sum(thing.name == "pole" for thing in place.things) == 1


def test_who_finds_no_room_still_does_what_was_asked(model, monkeypatch):
    monkeypatch.setattr(requests, "stand", lambda *_: None)
    place = model.sample([WorldSpec("hamlet", characters=(CharacterSpec("cat", "patrol", 12),))], [0])[0]
    assert sum(thing.name == "cat" and thing.behaviour == "patrol" for thing in place.things) >= 12
    x, y, _ = place.spawn
    assert min(np.hypot(t.centre[0] - x, t.centre[1] - y) for t in place.things if t.name == "cat") > 0.5


def test_one_enters_a_table_where_it_was_recorded(places):
    x, y, _ = places[SCENES.index("table")].spawn
    assert max(abs(x), abs(y)) > 0.1


@pytest.mark.usefixtures("as_users_call")
def test_odd_requests_get_a_sentence(model, places):
    assert model.sample([WorldSpec("hamlet")], [np.int64(0)])[0].to_json() == places[0].to_json()
    with pytest.raises(GenieGymError, match="whole number"):
        model.sample([WorldSpec("hamlet")], [0.5])
    boxes = [Thing("box", (float(x), float(y), 0.5), (0.2, 0.2, 1.0)) for x in range(-16, 16) for y in range(-16, 16)]
    with pytest.raises(GenieGymError, match="at most 1,024 things"):
        model.sample([WorldSpec("hamlet", objects=(ObjectSpec("pole"),))], [0], [Place(things=tuple(boxes))])
    full = model.sample([WorldSpec("hamlet", objects=(ObjectSpec("box", 9),))], [0], [Place(things=tuple(boxes))])[0]
    assert full.things == tuple(boxes)
    for seen in (np.zeros((4, 4), int), np.zeros((4, 5), bool)):
        with pytest.raises(GenieGymError, match=r"bool \[N, N\]"):
            Given(Place(), seen=seen)


@pytest.mark.parametrize("half", [1.0, 600.0, 1000.0])
def test_squares_of_any_size_are_filled(model, half):
    for scene in SCENES[:4]:
        place = model.sample([WorldSpec(scene)], [0], [Given(Place(half=half), ground=False, spawn=False)])[0]
        assert place.half == half
        assert place.things


def test_a_seed_has_its_place_in_training_too(model, places):
    model.train()
    assert model.sample([WorldSpec("hamlet")], [0])[0].to_json() == places[0].to_json()
    assert model.training
    model.eval()


def test_loaded_weights_replace_what_was_read_before(model, places):
    other = LayoutModel(model.config)
    other.load_state_dict(
        {name: value * (0.5 if name == "mined_records" else 1) for name, value in model.state_dict().items()}
    )
    with pytest.raises(GenieGymError, match="mined nothing"):
        other.sample([WorldSpec("hamlet")], [0])
    other.load_state_dict(model.state_dict())
    assert other.sample([WorldSpec("hamlet")], [0])[0].to_json() == places[0].to_json()


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [("records", 1, 999.0), ("records", 3, float("nan")), ("hills", 0, 9000.0), ("plans", 1, 9000.0), ("frames", 12, 999.0)],
)
def test_arrays_of_a_file_are_checked(model, name, column, value):
    other = LayoutModel(model.config)
    other.load_state_dict(model.state_dict())
    other.get_buffer(f"mined_{name}")[0, column] = value
    with pytest.raises(GenieGymError, match=name):
        other.sample([WorldSpec("hamlet")], [0])


@pytest.mark.parametrize(
    "change",
    [
        {"width": -1}, {"width": "x"}, {"plan_layers": 10**6}, {"plan_width": 97}, {"longest": 0}, {"groups": [1]},
        {"scenes": []}, {"scenes": [{"name": "x", "grounds": []}]}, {"arrays": [["records", [10**9, 26]]]}, {"arrays": 5},
        {"names": ["x" * 100]}, {"looks": [{"sort": "mud", "layers": [["x", 0, 0, None]]}]},
        {"looks": [{"sort": "road", "layers": []}]},
    ],
)  # fmt: skip
def test_configurations_of_a_file_are_checked(model, change):
    with pytest.raises(GenieGymError, match="configuration of a layout model"):
        LayoutConfig.from_dict(model.config.to_dict() | change)
