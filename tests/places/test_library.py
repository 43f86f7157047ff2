"""Libraries are buffers; coarser levels stand for finer ones; occupancy is read off surfels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from places.blocks import CLASSES, asset, ball, bridge, gate, library, sheet

from genie_gym.errors import GenieGymError
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import Condition, LightConfig, LightTable, harmonics
from genie_gym.places.occupancy import BLOCKED, occupancy_of, without_specks
from genie_gym.places.surfels import RADII, encode_radius


def test_a_library_is_loaded_from_its_configuration_and_buffers():
    made = library()
    loaded = AssetLibrary(made.config)
    loaded.load_state_dict(made.state_dict())
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in made.state_dict().items())
    assert loaded.find("gate", "", (6.0, 1.0, 4.0), "village", np.random.default_rng(0)) == 3


def test_levels_are_ever_coarser_and_lie_on_the_same_surface():
    made = library()
    counts = made.first.diff(dim=1)
    assert (counts.diff(dim=1) <= 0).all()
    assert counts[1, 2] < counts[1, 0] / 8
    assert (made.spacing.diff(dim=1) > 0).all()
    begin, end = made.first[1, 2:4].tolist()
    share = made.position[begin:end].double().abs() / 32_000
    assert (share.amax(1) > 0.9).double().mean() > 0.95
    assert (made.position[begin:end].double().mean(0).abs() < 600).all()


def test_radii_are_kept_to_a_twentieth_and_never_smaller():
    radius = np.geomspace(0.002, 100, 500)
    kept = RADII[encode_radius(radius)]
    assert (kept >= radius * (1 - 1e-6)).all()
    assert (kept <= radius * 1.05).all()


def test_one_walks_through_a_gate_and_over_a_bridge():
    arch = occupancy_of(gate())
    assert (arch[:, 13:19] == 0).all()
    assert (arch[:, :10] == BLOCKED).all()
    deck = occupancy_of(bridge())
    assert (deck[:, 16] > 7).all()
    assert (deck != BLOCKED).all()
    assert (occupancy_of(ball("tree", (3.0, 3.0, 4.0), 1500, (1, 2, 3)))[16, 16]) == BLOCKED


def test_a_face_alone_stops_as_deep_as_its_box_and_a_missing_wall_opens_no_house():
    face = occupancy_of(asset("boundary", (8.0, 6.0, 5.0), [sheet((-4, -3, -2.5), (8, 0, 0), (0, 0, 5), 0.2)], 0.2))
    assert (face[:, 2:30] == BLOCKED).all()
    x, y = np.array((6.0, 0, 0)), np.array((0, 4.0, 0))
    up, corner = np.array((0, 0, 3.0)), np.array((-3.0, -2, -1.5))
    walls = [sheet(corner, x, up, 0.2), sheet(corner, up, y, 0.2), sheet(corner + x, y, up, 0.2)]
    assert (occupancy_of(asset("building", (6.0, 4.0, 3.0), walls, 0.2))[2:24, 4:28] == BLOCKED).all()
    yard = [(points, -normals) for points, normals in walls]  # walls that face inwards, open to the north
    assert (occupancy_of(asset("building", (6.0, 4.0, 3.0), yard, 0.2))[4:, 4:28] == 0).all()


def test_stray_surfels_stop_nobody_but_posts_do():
    grid = np.zeros((32, 32), np.uint8)
    grid[10:20, 10:20] = BLOCKED
    grid[3, 3:5] = grid[28:31, 28:31] = BLOCKED
    lamp, temple = without_specks(grid, (0.6, 0.6, 3.0)), without_specks(grid, (12.0, 12.0, 6.0))
    assert (lamp == BLOCKED).sum() == 100
    assert np.array_equal(temple, grid), "there a post is as thick as an arm is long"
    alone = np.where(np.arange(32) == 7, grid, 0)
    assert np.array_equal(without_specks(alone, (0.6, 0.6, 3.0)), alone)


def test_light_is_interpolated_round_the_clock():
    table = LightTable(2, LightConfig(hours=(6.0, 18.0), sky_hours=(6.0, 18.0)))
    table.glow[:, 0], table.glow[:, 1] = 0.0, 1.0
    hours = torch.tensor([6.0, 9.0, 18.0, 21.0, 0.0, 30.0])
    light = table.at(Condition(weather=torch.tensor([0, 1, 0, 1, 0, 1]), hour=hours))
    assert light.glow.tolist() == pytest.approx([0.0, 0.25, 1.0, 0.75, 0.5, 0.0])
    assert light.sun.norm(dim=-1).tolist() == pytest.approx([1.0] * 6)


def test_shadows_follow_from_gains_and_drops_from_names():
    table = LightTable(2, LightConfig(hours=(12.0,)))
    sun = torch.tensor([0.3, -0.4, 0.75**0.5])  # 60 degrees high
    k = torch.arange(5000) + 0.5
    z, turn = 1 - 2 * k / 5000, torch.pi * (1 + 5**0.5) * k
    flat = (1 - z * z).sqrt()
    normal = torch.stack([flat * turn.cos(), flat * turn.sin(), z], -1)
    gain = torch.linalg.lstsq(harmonics(normal), 0.5 + 0.6 * (normal @ sun).clamp(min=0)).solution
    table.gain[:] = gain[:, None]
    table.complete(("sunny", "rainy"))
    assert (table.sun - sun).abs().max() < 0.02
    assert table.shadow[..., 1].mean().item() == pytest.approx(0.45, abs=0.01)
    assert table.fall[0, 0, 0] == 0
    assert table.fall[1, 0, 0] > 0


def test_harmonics_are_orthonormal():
    k = torch.arange(20_000) + 0.5
    z, turn = 1 - 2 * k / 20_000, torch.pi * (1 + 5**0.5) * k
    flat = (1 - z * z).sqrt()
    values = harmonics(torch.stack([flat * turn.cos(), flat * turn.sin(), z], -1)).double()
    product = values.T @ values * (4 * torch.pi / 20_000)
    assert (product - torch.eye(9)).abs().max() < 1e-2


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [("first", (0, -1), 10**6), ("first", (1, 0), -1), ("first", (1, 1), 0), ("label", (0,), 99), ("period", (0,), 0.0),
     ("windows", (0, 1), 99), ("pattern", (0,), 10**6), ("phase_count", (0,), 10**6)],
)  # fmt: skip
def test_buffers_that_point_beyond_each_other_are_refused(name, at, value):
    made = library()
    saved = made.state_dict()
    if name not in AssetLibrary.deflated:
        saved[name][at] = value
    else:
        getattr(made, name)[at] = value
        saved = made.state_dict()
    with pytest.raises(RuntimeError, match=f"{name} points beyond"):
        AssetLibrary(made.config).load_state_dict(saved)


@pytest.mark.parametrize(
    "lies",
    [{"surfels": 10**12}, {"surfels": -1}, {"patterns": 10**10}, {"tile": 1 << 20}, {"levels": 10**9},
     {"atlas": (1 << 15, 16)}, {"atlas": (24, 20)}, {"atlas": (8, 16)},
     {"light": LightConfig(sky_rows=10**5, sky_columns=10**5)}],
)  # fmt: skip
def test_what_there_is_no_room_for_is_refused(lies):
    with pytest.raises(GenieGymError, match=r"(a library|an atlas) has"):
        replace(library().config, **lies)


def test_what_does_not_fit_together_is_refused():
    tile = np.zeros((4, 8, 8, 3), np.uint8)
    with pytest.raises(GenieGymError, match="tiles"):
        AssetLibrary.build([], [Material("a", tile), Material("b", tile[:, :4, :4])], CLASSES)
    with pytest.raises(GenieGymError, match="power of two"):
        AssetLibrary.build([], [Material("a", np.zeros((4, 6, 6, 3), np.uint8))], CLASSES)
    with pytest.raises(GenieGymError, match="unknown class"):
        AssetLibrary.build([ball("cow", (1.0, 1.0, 1.0), 10, (1, 2, 3))], [Material("a", tile)], CLASSES)
    with pytest.raises(GenieGymError, match="ascend"):
        LightConfig(hours=(6.0, 3.0))
