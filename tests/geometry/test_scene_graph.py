import math
import pickle

import numpy as np
import pytest
import torch
from block_scenes import CAMERA, CLASSES, Block, at, look

from genie_gym.errors import GenieGymError
from genie_gym.geometry.scene_graph.builder import SceneGraphBuilder, SceneGraphConfig
from genie_gym.geometry.scene_graph.picture import draw_scene
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject

TOWN = [Block("crate", -2, 5), Block("crate", 2, 6), Block("tree", 0, 9, wide=0.5, high=4), Block("lamp", 5, 9, 0.3, 3)]


def walk(blocks: list[Block], *poses: np.ndarray, builder: SceneGraphBuilder | None = None) -> SceneGraphBuilder:
    builder = builder or SceneGraphBuilder(CLASSES, CAMERA)
    for pose in poses:
        builder.update(*look(blocks, pose)[:2], pose)
    return builder


def found(scene: SceneGraph, block: Block) -> SceneObject:
    """The only thing of that class within a metre."""
    near = [o for o in scene.objects if o.name == block.name and math.dist(o.centre, block.centre) < 1]
    assert len(near) == 1, block
    return near[0]


def relations(scene: SceneGraph, first: Block, second: Block) -> set[str]:
    a, b = found(scene, first).id, found(scene, second).id
    return {relation.name for relation in scene.relations if (relation.first, relation.second) == (a, b)}


def test_things_are_where_they_stand_and_as_large_as_they_are():
    poses = [at(x, z, turned) for x, z, turned in ((0, 0, 0), (-5, 5, 90), (5.5, 5, -90), (0, 13, 180))]
    scene = walk(TOWN, *poses).scene()  # from all sides
    assert len(scene.objects) == len(TOWN)
    for block in TOWN:
        thing = found(scene, block)
        assert thing.centre == pytest.approx(block.centre, abs=0.25)
        assert thing.size == pytest.approx((block.wide, block.high, block.wide), abs=0.35)
        assert thing.confidence == 1


def test_the_current_camera_says_where_that_is_for_it():
    pose = at(1, 2, turned=90)  # it heads along the world's x
    blocks = [Block("crate", 6, 2)]
    scene = walk(blocks, pose).scene()
    right, down, forward = scene.place(found(scene, blocks[0]))
    assert (right, down, forward) == pytest.approx((0, 1.1, 5), abs=0.6)


def test_a_turned_box_is_found_turned():
    """A crate that stands at 30 degrees is a level crate for a world that is turned."""
    block = Block("crate", 0, 4)
    turn = at(turned=30)
    builder = SceneGraphBuilder(CLASSES, CAMERA)
    for x in (-2.0, 0.0, 2.0):
        pose = at(x, 0)
        builder.update(*look([block], pose)[:2], turn @ pose)
    (thing,) = builder.scene().objects
    assert math.degrees(thing.heading) == pytest.approx(30, abs=10)
    assert thing.size[0] == pytest.approx(1, abs=0.2)


def test_things_keep_their_ids_over_a_walk_and_a_look_away():
    builder = walk(TOWN, at())
    before = {found(builder.scene(), block).id for block in TOWN}
    walk(TOWN, *(at(0.1 * step, 0.1 * step) for step in range(10)), builder=builder)
    away = [at(1, 1, turned) for turned in range(0, 360, 20)]
    walk(TOWN, *away[:10], builder=builder)
    scene = builder.scene()
    hidden = found(scene, TOWN[0])
    assert hidden.pixels == 0  # behind the camera, and remembered
    assert scene.place(hidden)[2] < 0
    walk(TOWN, *away[10:], at(), builder=builder)
    after = builder.scene()
    assert {found(after, block).id for block in TOWN} == before
    assert {(o.first, o.last) for o in after.objects} == {(0, builder.step - 1)}


def test_what_moves_keeps_its_id_while_in_view_and_leaves_nothing_behind():
    builder = SceneGraphBuilder(CLASSES, CAMERA)
    ids = set()
    for step in range(30):
        scene = walk([Block("crate", -3 + 0.2 * step, 6), TOWN[2]], at(), builder=builder).scene()
        crates = [thing for thing in scene.objects if thing.name == "crate"]
        assert len(crates) == 1
        ids.add(crates[0].id)
        assert crates[0].centre[0] == pytest.approx(-3 + 0.2 * step, abs=0.5)
        assert crates[0].size[0] < 1.8
    assert len(ids) == 1


def test_what_is_taken_away_is_forgotten_when_one_looks():
    builder = walk(TOWN, at(), at(turned=180))
    left = TOWN[1:]
    walk(left, at(turned=180), builder=builder)
    assert len(builder.scene().objects) == len(TOWN)
    walk(left, at(), builder=builder)
    assert len(builder.scene().objects) == len(left)


def test_a_thing_behind_a_post_is_one_and_things_behind_one_another_are_two():
    wide = Block("table", 0, 6, wide=3)
    names = [o.name for o in walk([wide, Block("lamp", 0, 3, wide=0.2, high=3)], at()).scene().objects]
    assert sorted(names) == ["lamp", "table"]
    pair = walk([Block("crate", 0, 4), Block("crate", 0.8, 6.5)], at()).scene()
    assert [o.name for o in pair.objects] == ["crate", "crate"]


def test_pieces_turn_out_to_be_one_thing():
    """Two ends of a wall to both sides of a broad thing; then one looks from elsewhere, and the older id stays."""
    wall, broad = Block("table", 0, 12, wide=7), Block("tree", 0, 4, high=3)
    builder = walk([wall, broad], at())
    pieces = [o.id for o in builder.scene().objects if o.name == "table"]
    assert len(pieces) == 2
    walk([wall, broad], at(0, 5), builder=builder)
    assert [o.id for o in builder.scene().objects if o.name == "table"] == [min(pieces)]


def test_left_of_and_in_front_of_are_as_the_camera_sees_them():
    a, b, behind = Block("crate", -1.5, 5), Block("crate", 1.5, 5), Block("tree", -2, 9, high=4)
    here = walk([a, b, behind], at()).scene()
    assert "left of" in relations(here, a, b)
    assert "right of" in relations(here, b, a)
    assert "in front of" in relations(here, a, behind)
    assert "behind" in relations(here, behind, a)
    there = walk([a, b, behind], at(), at(6, 7, turned=-90), at(0, 13, turned=180)).scene()
    assert "right of" in relations(there, a, b)
    assert "left of" in relations(there, b, behind)


def test_on_and_near():
    table, far = Block("table", 0, 4, wide=1.5, high=0.8), Block("crate", 4, 9)
    pot = Block("pot", 0, 4, wide=0.4, high=0.4, foot=0.8)
    scene = walk([table, pot, far], at()).scene()
    assert {"on", "near"} <= relations(scene, pot, table)
    assert "on" not in relations(scene, table, pot)
    assert "near" not in relations(scene, far, table)
    away = walk([table, pot, far], at(), at(turned=180)).scene()  # out of sight, nothing has a side
    assert relations(away, pot, table) == {"on", "near"}


def test_stuff_specks_and_what_is_far_are_no_things():
    blocks = [Block("crate", 0, 8, wide=0.2, high=0.2), Block("tree", 4, 50, wide=5, high=9)]
    assert walk(blocks, at()).scene().objects == ()


def test_confidence_is_that_of_the_classes():
    depth, kinds, _ = look(TOWN, at())
    builder = SceneGraphBuilder(CLASSES, CAMERA)
    for sure in (0.9, 0.5):
        builder.update(depth, kinds, at(), np.full(depth.shape, sure))
    assert {round(o.confidence, 6) for o in builder.scene().objects} == {0.7}


def test_the_graph_and_its_json_say_the_same():
    scene = walk(TOWN, at()).scene()
    graph = scene.graph()
    assert set(graph.nodes) == {o.id for o in scene.objects}
    crate = found(scene, TOWN[0])
    assert graph.nodes[crate.id]["name"] == "crate"
    assert graph.nodes[crate.id]["place"] == pytest.approx(scene.place(crate))
    assert graph.has_edge(crate.id, found(scene, TOWN[1]).id, key="left of")
    again = SceneGraph.from_json(scene.to_json())
    assert [(o.id, o.name, o.last) for o in again.objects] == [(o.id, o.name, o.last) for o in scene.objects]
    assert again.objects[0].centre == pytest.approx(scene.objects[0].centre, abs=1e-3)
    assert again.to_json() == scene.to_json()
    assert len(again.nearest(2).objects) == len(SceneGraph.from_json(scene.to_json(most=2)).objects) == 2
    with pytest.raises(GenieGymError, match="no scene graph"):
        SceneGraph.from_json('{"objects": 3}')


def test_memory_is_constant_and_the_oldest_thing_gives_way():
    builder = SceneGraphBuilder(CLASSES, CAMERA, SceneGraphConfig(most=3))
    size = len(pickle.dumps(builder))
    ways = [at(turned=turned) for turned in range(0, 360, 30)]
    around = [Block("crate", *(way[:3, 2] * 5)[[0, 2]].tolist()) for way in ways]
    walk(around, *ways, builder=builder)
    assert len(pickle.dumps(builder)) == pytest.approx(size, rel=0.01)
    kept = builder.scene().objects
    assert len(kept) == 3
    assert all(thing.pixels for thing in kept)  # the three in view


def test_a_clone_goes_its_own_way():
    builder = walk(TOWN, at())
    twin = builder.clone()
    kept = builder.scene()
    walk([], at(), builder=twin)
    assert twin.scene().objects == ()
    assert builder.scene() == kept


def test_tensors_are_taken_too():
    depth, kinds, _ = look(TOWN, at())
    builder = SceneGraphBuilder(CLASSES, CAMERA)
    builder.update(torch.from_numpy(depth), torch.from_numpy(kinds), torch.from_numpy(at()))
    assert builder.scene() == walk(TOWN, at()).scene()


def test_bad_input_is_refused_in_a_sentence():
    depth, kinds, _ = look(TOWN, at())
    builder = SceneGraphBuilder(CLASSES, CAMERA)
    with pytest.raises(GenieGymError, match=r"no view .* call `update`"):
        builder.scene()
    with pytest.raises(GenieGymError, match=r"depth must be .*\[90, 160\].* given \[1, 90, 160\]"):
        builder.update(depth[None], kinds, at())
    with pytest.raises(GenieGymError, match=r"pose must be .*\[4, 4\].* given \[3, 4\]"):
        builder.update(depth, kinds, at()[:3])
    with pytest.raises(GenieGymError, match=r"0 to 6; the semantic map has 5 to 8"):
        builder.update(depth, np.clip(kinds, 1, None) + 4, at())
    with pytest.raises(GenieGymError, match="not finite"):
        builder.update(np.full_like(depth, np.nan), kinds, at())


def test_the_picture_shows_boxes_over_the_frame_and_the_place_from_above():
    builder = walk(TOWN, at(), at(turned=60))
    frame = np.full((CAMERA.height, CAMERA.width, 3), 128, np.uint8)
    picture = draw_scene(frame, builder.scene(), CAMERA, scale=2)
    assert picture.shape == (180, 320 + 180, 3)
    left = picture[:, :320]
    assert 0.005 < (left != 128).any(-1).mean() < 0.5
    seen = draw_scene(frame, walk(TOWN, at()).scene(), CAMERA, scale=2)
    assert (seen[:, :320] != left).any()
    with pytest.raises(GenieGymError, match=r"given \[45, 160, 3\]"):
        draw_scene(frame[::2], builder.scene(), CAMERA)
