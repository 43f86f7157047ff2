"""GPUs draw by the same rules as CPUs (here torch runs on a CPU)."""

import numpy as np
import pytest
import torch
from places.blocks import CLASSES, library, looking
from places.test_draw import place, town

from genie_gym.geometry.camera import Camera
from genie_gym.places import draw_cpu, draw_torch
from genie_gym.places.falling import drops
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import Condition
from genie_gym.places.place import Place, Thing
from genie_gym.places.shadows import cast, moving
from genie_gym.places.surfels import Asset
from genie_gym.places.table import tables
from genie_gym.places.view import view_of

LIBRARY = library()


def signs():
    """A library of one square surfel, 1 m wide, whose pattern is bright on the upper right."""
    atlas = np.full((16, 24, 4), 128, np.uint8)
    atlas[..., 3] = 0
    atlas[12:, 20:, :3], atlas[8:12, 16:20, 3] = 228, 255
    windows = np.array([[0, 0, 16], [8, 16, 8]])
    sign = Asset(
        "wall", (0.1, 1.0, 1.0), np.zeros((1, 3)), np.array([[-1.0, 0, 0]]), albedo=np.full((1, 3), 100, np.uint8),
        radius=np.array([0.5**0.5]),
        glow=np.full((1, 3), 200, np.uint8), pattern=np.array([1]), occupancy=np.zeros((32, 32), np.uint8),
    )  # fmt: skip
    tile = np.zeros((4, 4, 4, 3), np.uint8)
    made = AssetLibrary.build([sign], [Material("grass", tile)], CLASSES, atlas=atlas, windows=windows)
    made.light.gain[:] = 0
    made.light.gain[..., 0, :] = 1 / 0.282095
    made.light.fog[..., 3] = 0
    made.light.glow[:] = 0.5
    return made


def test_patterns_lie_upright_and_both_ways_agree():
    made, camera = signs(), Camera.with_field_of_view(64, 64, 60)
    thing = Thing("wall", (2.0, 0.0, 1.6), (0.1, 1.0, 1.0), asset=0)
    things, ground = tables([Place(base="grass", beyond="grass", things=(thing,))], made, [0], capacity=4)
    light = made.light.at(Condition(weather=torch.zeros(1, dtype=torch.int64), hour=torch.tensor([12.0])))
    poses = looking((0.0, 0.0, 1.6))
    view = view_of(made, things, ground, poses, camera)
    one, other = (
        way.render(made, things, ground, light, view, poses, camera, None, moving(things, ground, light.sun))
        for way in (draw_cpu, draw_torch)
    )
    assert torch.equal(one.line, other.line)
    assert (one.colours.int() - other.colours.int()).abs().max() <= 1
    shown = one.line[0] == 0
    half = round(0.5 / 2 * camera.focal)
    assert shown[32 - half + 1 : 32 + half - 1, 32 - half + 1 : 32 + half - 1].all()
    assert shown.sum() == pytest.approx((2 * half) ** 2, rel=0.08)
    upper_right, lower_left, rest = one.colours[0, 25, 39, 0], one.colours[0, 39, 25, 0], one.colours[0, 25, 25, 0]
    assert upper_right - rest > 90
    assert rest == pytest.approx(100 - 0.25 * 100, abs=1)
    assert lower_left == pytest.approx(75 + 0.5 * 200, abs=2)


@pytest.mark.parametrize(("weather", "size"), [(0, (90, 160)), (1, (64, 64)), (2, (90, 160))])
def test_both_ways_of_drawing_agree(weather, size):
    camera = Camera.with_field_of_view(*size, 60)
    rows = 3
    things, ground = tables(
        [town(0), town(1).replace(roof=(-9.0, -9.0, 9.0, 9.0)), place()], LIBRARY, range(rows), capacity=64
    )
    poses = torch.cat([looking((1.0, -2.0, 1.7), 1.3 * k + 0.4, -0.1) for k in range(rows)])
    condition = Condition(weather=torch.full((rows,), weather), hour=torch.full((rows,), 12.0))
    light = LIBRARY.light.at(condition)
    cast(things, ground, LIBRARY, light.sun)
    falling = drops(ground, light.fall, poses, camera, torch.full((rows,), 4), 0.1)
    view = view_of(LIBRARY, things, ground, poses, camera)
    about = LIBRARY, things, ground, light, view, poses, camera, falling, moving(things, ground, light.sun)
    one, other = (way.render(*about) for way in (draw_cpu, draw_torch))
    assert (one.line == other.line).float().mean() > 0.995
    assert (one.kind == other.kind).float().mean() > 0.995
    assert ((one.depth / other.depth - 1).abs() < 1e-3).float().mean() > 0.995
    assert ((one.colours.int() - other.colours.int()).abs().amax(-1) <= 2).float().mean() > 0.995
    assert ((one.normal - other.normal).abs().amax(-1) < 0.02).float().mean() > 0.995
