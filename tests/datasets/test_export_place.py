import json
import struct
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import trimesh
from places.things import small_library, small_place
from scipy.spatial.transform import Rotation

from genie_gym.datasets.export_place import export_place, knows_its_place
from genie_gym.places.place import Place


class PlaceEnv(gym.Env):
    """A world that is made of things, as far as export sees it."""

    world = SimpleNamespace(library=small_library())

    def reset(self, *, seed=None, options=None):
        return None, {}

    def place(self):
        return small_place()

    def save_state(self):
        return SimpleNamespace(world=SimpleNamespace(condition=SimpleNamespace(weather=[2])))


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("place") / "village.glb"
    assert knows_its_place(PlaceEnv())
    assert not knows_its_place(gym.Env())
    triangles, things = export_place(PlaceEnv(), 3, {"env": "Place-v0"}, path)
    assert triangles > 1000
    assert things == 4
    return path


def test_another_library_reads_it_with_names(exported):
    scene = trimesh.load_scene(exported)
    assert {"house 1", "house 2", "tree 1", "person 1", "ground", "beyond", "water 1"} <= set(scene.graph.nodes_geometry)
    low, high = scene.bounds
    assert np.allclose(low[[0, 2]], -190)
    assert high[1] == pytest.approx(3.2 + 2.5, abs=0.2)  # the tree's crown: y is up
    tree, geometry = scene.graph["tree 1"]
    assert np.allclose(tree[:3, 3], [0, 3.2, -9])
    extents = scene.geometry[geometry].extents
    assert np.allclose(extents, [2, 2, 5], atol=0.2)
    assert np.allclose(tree[:3, :3] @ [0, 0, 1], [0, 1, 0], atol=1e-6)


def test_things_that_one_asset_draws_share_its_bytes(exported):
    data = exported.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    tree = json.loads(data[20 : 20 + size])
    nodes = {node["name"]: node for node in tree["nodes"]}
    assert nodes["house 1"]["mesh"] == nodes["house 2"]["mesh"]
    assert nodes["house 2"]["scale"] == [2.0, 1.0, 1.0]
    assert nodes["person 1"]["extras"]["behaviour"] == "wander"
    assert nodes["place"]["extras"] == {"env": "Place-v0"}
    assert tree["scenes"][0]["nodes"] == [tree["nodes"].index(nodes["place"])]
    assert all(view["byteOffset"] % 4 == 0 for view in tree["bufferViews"])
    positions = [mesh["primitives"][0]["attributes"]["POSITION"] for mesh in tree["meshes"]]
    assert all("min" in tree["accessors"][number] for number in positions)


def test_under_snow_the_ground_is_white(exported):
    scene = trimesh.load_scene(exported)
    _, geometry = scene.graph["ground"]
    texture = np.asarray(scene.geometry[geometry].visual.material.baseColorTexture.convert("RGB"))
    assert (texture == 245).all()


def test_beside_it_lies_the_place_and_its_things_in_the_files_coordinates(exported):
    about = json.loads(exported.with_suffix(".json").read_text())
    place = Place.from_dict(about["place"])
    assert [thing.name for thing in place.things] == ["house", "house", "tree", "person"]
    house = about["scene_graph"][0]
    assert (house["name"], house["class"], house["centre"]) == ("house 1", "house", [5.0, 2.0, 0.0])
    turn = Rotation.from_quat(np.roll(house["rotation"], -1)).as_matrix()
    east, north = np.cos(0.3), np.sin(0.3)
    assert np.allclose(turn @ [1, 0, 0], [east, 0, -north], atol=1e-4)
    assert np.allclose(turn @ [0, 0, 1], [0, 1, 0], atol=1e-4)
    node, _ = trimesh.load_scene(exported).graph["house 1"]
    assert np.allclose(node[:3, :3], turn, atol=1e-4)
