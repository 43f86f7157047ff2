"""Exact depths, no holes, and the same picture whatever else is drawn."""

import math

import numpy as np
import pytest
import torch
from places.blocks import CLASSES, library, looking
from places.things import small_library

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.places.draw import draw
from genie_gym.places.light import Condition
from genie_gym.places.place import Area, Place, Road, Thing, Water
from genie_gym.places.seen import FAR
from genie_gym.places.table import tables

LIBRARY = library()
CAMERA = Camera.with_field_of_view(90, 160, 60)


def seen(places, poses, camera=CAMERA, step=0, weather=0, made=LIBRARY, **more):
    rows = len(places)
    things, ground = tables(places, made, list(range(rows)), capacity=64)
    condition = Condition(weather=torch.full((rows,), weather), hour=torch.full((rows,), 12.0))
    return draw(made, things, ground, condition, poses, camera, torch.full((rows,), step), **more)


def place(*things, **more):
    return Place(base="grass", beyond="sand", things=things, **more)


def rays(camera=CAMERA):
    x, y, _ = camera.rays(torch.device("cpu")).reshape(3, camera.height, camera.width).numpy()
    return x, y


def town(seed):
    """A place with some of everything."""
    rng = np.random.default_rng(seed)
    heights = (0.6 * rng.random((7, 7))).astype(np.float32)
    things = [
        Thing(name, (*rng.uniform(-20, 20, 2).tolist(), rise), size, float(rng.uniform(-3, 3)), id=None)
        for name, size, rise in (
            ("building", (6.0, 4.0, 4.0), 2.3), ("wall", (8.0, 0.5, 3.0), 1.7), ("gate", (6.0, 0.8, 4.0), 2.3),
            ("crate", (1.0, 1.2, 0.9), 0.9), ("tree", (3.0, 2.5, 4.0), 2.3), ("villager", (0.5, 0.5, 1.7), 1.2),
        )
        for _ in range(4)
    ]  # fmt: skip
    roads = (
        Road(((-30.0, -8.0), (0.0, 3.0), (30.0, 5.0)), 4.0, "asphalt"),
        Road(((5.0, -32.0), (3.0, 32.0)), 2.0, "sand", 1.0),
    )
    return place(*things, heights=heights, roads=roads, areas=(Area("sand", -9.0, 9.0, (6.0, 4.0), True),))


def test_depth_of_a_wall_is_exact():
    picture = seen([place(Thing("wall", (10.0, 0.0, 1.5), (8.0, 0.5, 3.0), math.pi / 2))], looking((0, 0, 1.6)))
    x, y = rays()
    near = 10 - 0.25
    across, up = x * near, 1.6 - y * near
    inside = (np.abs(across) < 3.9) & (up > 0.1) & (up < 2.9)
    assert (picture.label[0].numpy()[inside] == CLASSES.index("wall")).all()
    assert np.abs(picture.depth[0].numpy()[inside] - near).max() < 2e-3
    assert (picture.label[0].numpy()[(np.abs(across) > 4.2)] != CLASSES.index("wall")).all()
    assert (picture.instance[0].numpy()[inside] == 1).all()
    normal = picture.normal[0].numpy()[inside]
    assert np.abs(normal - (-1, 0, 0)).max() < 0.02


def test_depth_of_a_slope_is_exact():
    slope = 0.1
    heights = np.tile(np.linspace(-3.2, 3.2, 49, dtype=np.float32), (49, 1))  # rises eastwards by 0.1
    picture = seen([place(heights=heights)], looking((-5.0, 2.0, 1.6), 0.4, -0.2))
    pose = looking((-5.0, 2.0, 1.6), 0.4, -0.2)[0].numpy().astype(np.float64)
    x, y = rays()
    direction = np.stack([x, y, np.ones_like(x)], -1) @ pose[:3, :3].T
    expected = (slope * -5.0 - 1.6) / (direction[..., 2] - slope * direction[..., 0])
    hit = pose[:3, 3] + expected[..., None] * direction
    inside = (expected > 0) & (np.abs(hit[..., :2]) < 31.9).all(-1)
    assert inside.mean() > 0.3
    assert np.abs(picture.depth[0].numpy()[inside] / expected[inside] - 1).max() < 1e-3
    assert np.abs(picture.normal[0].numpy()[inside] - np.array((-0.1, 0, 1)) / math.hypot(1, 0.1)).max() < 1e-3


def test_hills_hide_what_is_behind_and_the_land_ends():
    axis = np.linspace(-32, 32, 49)
    ridge = np.tile((2.5 * np.exp(-(((axis - 8) / 3) ** 2))).astype(np.float32), (49, 1))
    crate = Thing("crate", (14.0, 0.0, 0.6), (1.0, 1.0, 1.0))
    assert CLASSES.index("crate") not in seen([place(crate, heights=ridge)], looking((0, 0, 1.6))).label
    flat = seen([place(crate)], looking((0, 0, 1.6)))
    assert CLASSES.index("crate") in flat.label
    assert flat.depth[0, 0].min() == FAR
    assert flat.depth[0, 46, 80] > 33  # outside the square
    assert flat.label[0, 46, 80] == CLASSES.index("ground")


def test_water_lies_where_it_is_and_ends_at_walls():
    sea = Water(-0.5, (-190.0, -190.0, 190.0, 0.0))
    picture = seen([place(waters=(sea,))], looking((0, 3, 1.6), -math.pi / 2))
    _, y = rays()
    below = y > 0.02
    depth = 2.1 / np.where(below, y, 1)
    water = below & (depth > 4.05) & (depth < 180)
    assert (picture.label[0].numpy()[water] == CLASSES.index("water")).all()
    assert np.abs(picture.depth[0].numpy()[water] / depth[water] - 1).max() < 1e-3
    land = below & (1.6 / np.where(below, y, 1) < 2.95)
    assert (picture.label[0].numpy()[land] == CLASSES.index("ground")).all()
    back = seen([place(waters=(sea,))], looking((0, -8, 0.3), math.pi / 2))
    wall = (8 * y > 0.35) & (8 * y < 0.75)
    assert (back.label[0].numpy()[wall] == CLASSES.index("ground")).all()
    assert np.abs(back.depth[0].numpy()[wall] - 8).max() < 0.01


def test_shallow_water_lies_over_what_is_lower():
    ford = Water(-0.5, (-190.0, -190.0, 190.0, 190.0), shallow=True)
    heights = np.where(np.linspace(-32, 32, 49)[:, None] < 0, -2.0, 0.0).astype(np.float32) * np.ones((1, 49), np.float32)
    picture = seen([place(heights=heights, waters=(ford,))], looking((0, 3, 1.6), -math.pi / 2))
    _, y = rays()
    below = y > 0.02
    depth = 2.1 / np.where(below, y, 1)
    water = below & (depth > 5.0) & (depth < 180)
    assert (picture.label[0].numpy()[water] == CLASSES.index("water")).all()
    assert np.abs(picture.depth[0].numpy()[water] / depth[water] - 1).max() < 1e-3
    assert picture.label[0, -1, 80] == CLASSES.index("ground")


@pytest.mark.parametrize("away", [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 25.0, 40.0])
@pytest.mark.parametrize("size", [(90, 160), (180, 320)])
def test_a_wall_has_no_holes_from_anywhere(away, size):
    camera = Camera.with_field_of_view(*size, 60)
    for turn in (0.0, 0.7, 1.25):
        wall = Thing("wall", (0.25, 0.0, 1.5), (8.0, 0.5, 3.0), math.pi / 2)
        eye = (-away * math.cos(turn), -away * math.sin(turn), 1.4)
        picture = seen([place(wall)], looking(eye, turn), camera)
        shown = picture.label[0].numpy() == CLASSES.index("wall")
        pose = looking(eye, turn)[0].numpy().astype(np.float64)
        x, y = rays(camera)
        direction = np.stack([x, y, np.ones_like(x)], -1) @ pose[:3, :3].T
        t = -eye[0] / np.where(np.abs(direction[..., 0]) < 1e-6, 1e-6, direction[..., 0])
        hit = np.array(eye) + t[..., None] * direction
        margin = 0.05 + away / camera.focal
        inside = (t > 0) & (np.abs(hit[..., 1]) < 4 - margin / math.cos(turn))
        inside &= (hit[..., 2] > margin) & (hit[..., 2] < 3 - margin)
        assert inside.any()
        assert shown[inside].all(), (turn, (~shown[inside]).sum(), inside.sum())


def test_equal_to_the_bit_twice_alone_and_among_others():
    places = [town(seed) for seed in range(8)]
    poses = torch.cat([looking((1.0, -2.0, 1.6), 0.8 * k, -0.1) for k in range(8)])
    camera = Camera.with_field_of_view(64, 64, 60)
    together, again = (seen(places, poses, camera, weather=1) for _ in range(2))
    for name in ("colours", "depth", "label", "instance", "normal"):
        assert torch.equal(getattr(together, name), getattr(again, name))
    things, ground = tables(places, LIBRARY, list(range(8)), capacity=64)
    for row in (0, 3, 7):
        condition = Condition(weather=torch.tensor([1]), hour=torch.tensor([12.0]))
        parts = things.select([row]), ground.select([row]), condition, poses[row : row + 1]
        alone = draw(LIBRARY, *parts, camera, torch.zeros(1, dtype=torch.int64))
        for name in ("colours", "depth", "label", "instance", "normal"):
            assert torch.equal(getattr(alone, name)[0], getattr(together, name)[row])


def test_equal_to_the_bit_however_many_threads_share_a_picture(monkeypatch):
    poses = torch.cat([looking((1.0, -2.0, 1.6), 0.4 * k, -0.1) for k in range(16)])
    for k in range(16):
        one = [town(k % 4)], poses[k : k + 1], Camera.with_field_of_view(48, 80, 60)
        pictures = []
        for threads in (1, 2, 5):
            monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
            pictures.append(seen(*one))
        for name in ("colours", "depth", "label", "instance", "normal"):
            assert torch.equal(getattr(pictures[0], name), getattr(pictures[1], name)), (k, name)
            assert torch.equal(getattr(pictures[0], name), getattr(pictures[2], name)), (k, name)


def test_culling_changes_nothing():
    places = [town(seed) for seed in range(3)]
    poses = torch.cat([looking((2.0, 1.0, 1.6), 2.0 * k, -0.1) for k in range(3)])
    one, other = seen(places, poses), seen(places, poses, cull=False)
    for name in ("colours", "depth", "label", "normal"):
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_cameras_may_be_anywhere_and_things_of_any_size():
    rng = np.random.default_rng(0)
    names = [(name, k) for k, name in enumerate(("crate", "wall", "building", "gate", "bridge", "tree"))]
    for _ in range(6):
        things = [
            Thing(name, tuple(rng.uniform(-3, 3, 3).tolist()), tuple((10.0 ** rng.uniform(-2.5, 2.7, 3)).tolist()), asset=k)
            for name, k in names
        ]
        heights = rng.uniform(-40, 40, (9, 9)).astype(np.float32)
        eye = looking(rng.uniform(-60, 60, 3) / 10 ** rng.uniform(0, 2), rng.uniform(-3, 3), rng.uniform(-1.5, 1.5))
        picture = seen([place(*things, heights=heights)], eye, Camera.with_field_of_view(36, 64, 60))
        assert torch.isfinite(picture.depth).all()
        assert (picture.depth > 0).all()
        assert torch.isfinite(picture.normal).all()
    with pytest.raises(GenieGymError, match="finite"):
        seen([place()], eye * math.nan)


def test_rain_falls_with_the_steps_and_not_under_a_roof():
    poses = looking((0, 0, 1.6))
    dry, one, later = (seen([place()], poses, step=k, weather=w).colours for k, w in ((0, 0), (0, 1), (1, 1)))
    assert not torch.equal(one, dry)
    assert not torch.equal(one, later)
    assert torch.equal(later, seen([place()], poses, step=1, weather=1).colours)
    roofed = place(roof=(-32.0, -32.0, 32.0, 32.0))
    assert torch.equal(seen([roofed], poses, step=0, weather=1).colours, seen([roofed], poses, step=9, weather=1).colours)


def test_snow_lies_on_ground_and_things_but_not_under_a_roof():
    made, poses, house = small_library(), looking((0, 0, 2.4), 0, -0.3), Thing("house", (6.0, 0.0, 0.6), (3.0, 3.0, 1.2))
    open_ = Place(base="grass", beyond="grass", things=(house,))
    roofed = open_.replace(roof=(-33.0, -33.0, 33.0, 33.0))
    dry, snowy = (seen([roofed], poses, weather=weather, made=made) for weather in (0, 2))
    outside = seen([open_], poses, weather=2, made=made)
    for label in ("ground", "house"):
        near = (dry.depth < 30) & (dry.label == made.config.classes.index(label)) & (dry.normal[..., 2] > 0.9)
        assert near.any()
        assert torch.equal(dry.colours[near], snowy.colours[near])
        assert outside.colours[near].float().mean() > dry.colours[near].float().mean() + 40


def test_what_moves_throws_a_shadow():
    villager = Thing("villager", (6.0, 0.0, 0.85), (0.5, 0.5, 1.7), behaviour="stand")
    alone, with_one = (seen([place(*things)], looking((0, 0, 1.6), 0.0, -0.3)) for things in ((), (villager,)))
    ground = (alone.line[0] < 0) & (with_one.line[0] < 0) & (alone.depth[0] < FAR)
    darker = (alone.colours[0].int() - with_one.colours[0].int()).sum(-1)[ground]
    assert darker.min() == 0
    assert 0 < (darker > 6).sum() < 0.2 * ground.sum()
    x, _ = rays()
    at = with_one.depth[0].numpy()
    where = np.where(ground.numpy(), (alone.colours[0].int() - with_one.colours[0].int()).sum(-1).numpy(), 0) > 6
    sun = LIBRARY.light.at(Condition(weather=torch.zeros(1, dtype=torch.int64), hour=torch.tensor([12.0]))).sun[0]
    aside = (-x * at)[where].mean()  # metres to the left of the middle
    assert aside * -float(sun[1]) > 0  # away from the sun
