import numpy as np
import pytest
import torch
from places.things import COLOURS, small_library, small_place

from genie_gym.places.model import GROUND, GROUND_TEXELS, PALETTE_SIDE, PATTERNS, TILE, TILES_ABREAST, place_model


def colours_of(model, mesh):
    picture = model.pictures[mesh.picture]
    column, row = np.floor(mesh.colour_at * picture.shape[1::-1]).astype(int).T
    return picture[row.clip(max=len(picture) - 1), column.clip(max=picture.shape[1] - 1)]


def test_each_thing_is_a_node_and_same_assets_share_a_mesh():
    model = place_model(small_place(), small_library())
    named = {node.name: node for node in model.nodes}
    assert [*named] == ["house 1", "house 2", "tree 1", "person 1", "ground", "beyond", "water 1"]
    assert named["house 1"].meshes == named["house 2"].meshes
    assert named["house 2"].scale == (2.0, 1.0, 1.0)
    assert named["person 1"].about == {"class": "person", "id": 4, "size": [0.5, 0.5, 1.8], "behaviour": "wander"}
    house = model.meshes[named["house 1"].meshes[0]]
    low, high = house.position.min(0), house.position.max(0)
    assert np.allclose(low, [-3, -2, -1.5], atol=0.1)
    assert np.allclose(high, [3, 2, 1.5], atol=0.1)
    assert np.abs(colours_of(model, house).astype(int) - COLOURS["house"]).max() <= 4
    tree = model.meshes[named["tree 1"].meshes[0]]
    assert np.abs(colours_of(model, tree).astype(int) - (15, 140, 50)).max() <= 4  # its tint


def test_squares_face_outward_and_cover_their_side():
    model = place_model(small_place(), small_library())
    house = model.meshes[model.nodes[0].meshes[0]]
    corners = house.position[house.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normal * corners.mean(1)).sum(1) > 0).all()
    area = np.linalg.norm(normal, axis=1).sum() / 2
    sides = 2 * (6 * 4 + 6 * 3 + 4 * 3)
    assert sides < area < 1.5 * sides


def test_few_squares_are_coarser_ones():
    fine = place_model(small_place(), small_library())
    coarse = place_model(small_place(), small_library(), squares=700)
    used = {mesh for node in coarse.nodes if node.name[:-2] in ("house", "tree", "person") for mesh in node.meshes}
    assert sum(len(coarse.meshes[mesh].triangles) for mesh in used) <= 2 * 700
    assert coarse.triangles < 0.5 * fine.triangles


def test_the_ground_is_a_map_with_heights():
    model = place_model(small_place(), small_library())
    node = next(node for node in model.nodes if node.name == "ground")
    mesh, picture = model.meshes[node.meshes[0]], model.pictures[GROUND]
    assert picture.shape == (GROUND_TEXELS, GROUND_TEXELS, 3)
    assert mesh.position[:, 2].min() == 0
    assert mesh.position[:, 2].max() == 1
    south, north = (mesh.position[:, 1] == y for y in (-16, 16))
    assert (mesh.colour_at[south, 1] == 1).all()  # a picture's lower edge
    assert (mesh.colour_at[north, 1] == 0).all()
    at = {(x, y): picture[int((16 - y) / 32 * GROUND_TEXELS), int((x + 16) / 32 * GROUND_TEXELS)] for x, y in
          ((5, -8), (5, -3), (0, 12), (8, 12))}  # fmt: skip
    assert at[5, -8].tolist() == at[0, 12].tolist() == [130, 130, 130]
    assert at[5, -3].tolist() == at[8, 12].tolist() == [90, 150, 60]
    corners = mesh.position[mesh.triangles]
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0).all()


def test_under_snow_it_is_white_from_above():
    model = place_model(small_place(), small_library(), weather=2)
    assert (model.pictures[1] == 245).all()
    house = model.meshes[model.nodes[0].meshes[0]]
    top = house.position[:, 2] > 1.45
    assert colours_of(model, house)[top].mean() > 200
    assert model.pictures[0].shape == (PALETTE_SIDE, PALETTE_SIDE, 3)


def test_patterns_are_tiles_of_one_picture():
    """A pattern that is dark on the left and bright above, on a house that has it everywhere."""
    library = small_library()
    window = torch.zeros(8, 8, 4) + 128
    window[:, :4, :3] -= 60
    window[4:, :, :3] += 50
    library.atlas = torch.zeros_like(library.atlas)
    library.atlas[4:12, 8:] = window.to(torch.uint8)
    library.windows = torch.tensor([[4, 8, 8]], dtype=torch.int16)
    library.pattern[:] = 0
    model = place_model(small_place(), library)
    house = model.meshes[model.nodes[0].meshes[0]]
    assert house.picture == PATTERNS
    assert len(model.nodes[0].meshes) == 1
    picture = model.pictures[PATTERNS]
    assert len(picture) == TILE * TILES_ABREAST
    lower_left, lower_right, _, upper_left = house.colour_at[:4] * len(picture)
    seen = [picture[int(row), int(column)].astype(int) for column, row in (lower_left, lower_right, upper_left)]
    assert [colour.tolist() for colour in seen] == [[145, 5, 0], [205, 65, 45], [195, 55, 35]]
    corners = house.position[:4]
    side = corners[1] - corners[0]
    assert abs(side[2]) < 1e-6  # columns go along what is level
    assert np.linalg.norm(side) == pytest.approx(2**0.5 * 0.25 * 0.75, rel=0.1)
