import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from genie2.room import CAMERA, CEILING, EYE, HALF, draw, pose_at
from scipy.spatial.transform import Rotation

from genie_gym.datasets.behaviours import LookAround
from genie_gym.datasets.export_scene import ExportConfig, Walk, export_scene, write_scene
from genie_gym.errors import GenieGymError

POSES = [pose_at(0.5, -0.5, np.radians(angle)) for angle in range(0, 360, 40)]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    """The file of a look around in a room whose geometry is known exactly."""
    path = tmp_path_factory.mktemp("scene") / "room.glb"
    frames, depths = zip(*(draw(pose) for pose in POSES), strict=True)
    walk = Walk(list(range(len(POSES))), np.stack(frames), np.stack(depths), np.stack(POSES), CAMERA)
    assert write_scene(walk, 40.0, path) > 1000
    return path


def header(path: Path) -> dict:
    """The JSON part of a GLB, read by hand."""
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    return json.loads(data[20 : 20 + size])


def test_another_library_reads_the_room_in_metres_with_y_up(room):
    low, high = trimesh.load_scene(room).bounds
    assert np.allclose(low, [-HALF, -EYE, -HALF], atol=0.05)
    assert np.allclose(high, [HALF, CEILING, HALF], atol=0.05)


def test_colours_are_those_of_the_frames(room):
    """At points that a camera sees, by the texture as it was read back."""
    mesh = trimesh.load_scene(room).to_mesh()
    material = mesh.visual.material
    texture = np.asarray(material.baseColorTexture.convert("RGB"))
    column, line = (mesh.visual.uv * [1, -1] + [0, 1]).T * np.array([[texture.shape[1]], [texture.shape[0]]])
    colours = texture[line.astype(int), column.astype(int)].astype(int)
    pose = POSES[0]
    x, y, z = ((mesh.vertices * [1, -1, -1] - pose[:3, 3]) @ pose[:3, :3]).T
    ahead = (z > 0.1) & (np.abs(x) < 0.9 * z) & (np.abs(y) < 0.5 * z)
    u, v = (x / z)[ahead] * CAMERA.focal + 80, (y / z)[ahead] * CAMERA.focal + 45
    real = draw(pose)[0][v.astype(int), u.astype(int)].astype(int)
    assert ahead.sum() > 1000
    assert np.median(np.abs(real - colours[ahead]).max(1)) <= 2


def test_light_is_not_shone_on_it_again_and_cameras_stand_where_they_stood(room):
    tree = header(room)
    assert tree["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}
    assert tree["extensionsUsed"] == ["KHR_materials_unlit"]
    nodes = {tree["nodes"][number]["name"]: tree["nodes"][number] for number in tree["scenes"][0]["nodes"]}
    matrix = np.array(nodes["step 2"]["matrix"]).reshape(4, 4).T
    heading = np.radians(80)
    assert np.allclose(matrix[:3, 3], [0.5, 0, 0.5])
    assert np.allclose(-matrix[:3, 2], [np.sin(heading), 0, -np.cos(heading)])  # it looks along its -z
    assert np.allclose(matrix[:3, 1], [0, 1, 0])
    yfov = tree["cameras"][nodes["step 2"]["camera"]]["perspective"]["yfov"]
    assert np.isclose(np.degrees(yfov), 60)


def test_a_walk_through_town_with_its_scene_graph(tmp_path):
    options = {"prompt": "a village at noon", "width": 64, "height": 36}
    config = ExportConfig("GenieSim/Town-v0", options, seed=3, policy="wander", steps=20, views=6)
    done = export_scene(config, tmp_path / "town.glb")
    about = json.loads((tmp_path / "town.json").read_text())
    assert done.views == 6
    assert [place["step"] for place in about["walk"]] == [0, 4, 8, 12, 16, 20]
    assert len(about["scene_graph"]) == done.things > 10
    scene = trimesh.load_scene(done.scene)
    low, high = scene.bounds
    eye = np.array(about["walk"][0]["pose"])[:3, 3]
    assert 1 < eye[1] - low[1] < 20  # the ground below
    assert np.abs(np.array([low, high])[:, [0, 2]] - eye[[0, 2]]).max() < 60
    houses = [thing for thing in about["scene_graph"] if thing["class"] == "building"]
    assert houses
    for house in houses:
        up = Rotation.from_quat(np.roll(house["rotation"], -1)).apply([0, 0, 1])  # its own z, along which its height counts
        assert np.allclose(up, [0, 1, 0], atol=1e-3)


def test_the_same_seed_exports_the_same(tmp_path):
    config = ExportConfig("GenieSim/Town-v0", {"width": 32, "height": 18}, seed=1, steps=4, views=2)
    first, second = (export_scene(config, tmp_path / name) for name in ("a.glb", "b.glb"))
    assert first.scene.read_bytes() == second.scene.read_bytes()


@pytest.mark.parametrize(
    ("config", "out", "sentence"),
    [
        (ExportConfig("GenieSim/CoinRun-v0"), "a.glb", "GenieSim/CoinRun-v0 shows no depth"),
        (ExportConfig("Genie1-v0"), "a.glb", "no observation 'depth'"),
        (ExportConfig("GenieSim/Town-v0", steps=0), "a.glb", "--steps is above 0; got 0"),
        (ExportConfig("GenieSim/Town-v0"), "a.obj", "--out is a .glb"),
        (ExportConfig("GenieSim/Town-v0", {"obs": "rgb"}), "a.glb", "'obs' follows from"),
        (ExportConfig("GenieSim/Town-v0", {"width": 1280, "height": 720}), "a.glb", "give --views 8"),
        (ExportConfig("GenieSim/Town-v0", {"width": 32, "height": 18}, steps=1, farthest=0.1), "a.glb", "no surface within"),
        (ExportConfig("GenieSim/Arm-v0", {"width": 32, "height": 18}, steps=1), "a.glb", "there is no 'forward'"),
    ],
)
def test_bad_input_is_told_in_a_sentence(config, out, sentence, tmp_path):
    with pytest.raises(GenieGymError, match=sentence):
        export_scene(config, tmp_path / out)
    assert not list(tmp_path.iterdir())


def test_without_trimesh_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(GenieGymError, match="pip install trimesh"):
        export_scene(ExportConfig("GenieSim/Town-v0"), tmp_path / "a.glb")


def test_who_looks_around_turns_twice_and_walks_on():
    meanings = ("noop", "forward", "turn right", "look up", "look down")
    walker = LookAround(meanings)
    walker.begin()
    keys = [meanings[walker.act(None, {})] for _ in range(216)]
    assert keys.count("turn right") == 2 * 72 + 12
    assert keys.count("look down") == keys.count("look up")
    assert keys[-36:] == ["forward"] * 36
    assert meanings[walker.act(None, {})] == "look down"  # and again


def test_a_learned_world_tells_what_it_came_to_know(tmp_path):
    done = export_scene(ExportConfig("Genie2-v0", seed=2, steps=12, views=3), tmp_path / "world.glb")
    about = json.loads((tmp_path / "world.json").read_text())
    things = {thing["id"]: thing for thing in about["scene_graph"]}
    assert len(things) == done.things > 0
    assert all(0 < thing["confidence"] <= 1 and 0 <= thing["seen"][0] <= thing["seen"][1] <= 12 for thing in things.values())
    for relation in about["relations"]:
        assert {relation["first"], relation["second"]} <= things.keys()
    low, high = trimesh.load_scene(done.scene).bounds
    inside = [(low - 2 < thing["centre"]).all() and (thing["centre"] < high + 2).all() for thing in things.values()]
    assert np.mean(inside) > 0.5  # the others are farther away than what is kept of the mesh
