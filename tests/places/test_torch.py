"""GPUs draw by the same rules as CPUs (here torch runs on a CPU)."""

import pytest
import torch
from places.blocks import library, looking
from places.test_draw import place, town

from genie_gym.geometry.camera import Camera
from genie_gym.places import draw_cpu, draw_torch
from genie_gym.places.falling import drops
from genie_gym.places.light import Condition
from genie_gym.places.shadows import cast
from genie_gym.places.table import tables
from genie_gym.places.view import view_of

LIBRARY = library()


@pytest.mark.parametrize(("weather", "size"), [(0, (90, 160)), (1, (64, 64)), (2, (90, 160))])
def test_both_ways_of_drawing_agree(weather, size):
    camera = Camera.with_field_of_view(*size, 60)
    rows = 3
    things, ground = tables([*(town(seed) for seed in range(rows - 1)), place()], LIBRARY, range(rows), capacity=64)
    poses = torch.cat([looking((1.0, -2.0, 1.7), 1.3 * k + 0.4, -0.1) for k in range(rows)])
    condition = Condition(weather=torch.full((rows,), weather), hour=torch.full((rows,), 12.0))
    light = LIBRARY.light.at(condition)
    cast(things, ground, LIBRARY, light.sun)
    falling = drops(ground, light.fall, poses, camera, torch.full((rows,), 4), 0.1)
    view = view_of(LIBRARY, things, poses, camera)
    one, other = (way.render(LIBRARY, things, ground, light, view, poses, camera, falling) for way in (draw_cpu, draw_torch))
    assert (one.line == other.line).float().mean() > 0.995
    assert (one.kind == other.kind).float().mean() > 0.995
    assert ((one.depth / other.depth - 1).abs() < 1e-3).float().mean() > 0.995
    assert ((one.colours.int() - other.colours.int()).abs().amax(-1) <= 2).float().mean() > 0.995
    assert ((one.normal - other.normal).abs().amax(-1) < 0.02).float().mean() > 0.995
