"""Recorded places against their frames: when lamps shine, how bright rooms are, how many windows are lit."""

import numpy as np
import pytest
import torch

from genie_gym.genie3.mining.compared import Compared, lit_share, put_out, write_glow, write_rooms
from genie_gym.genie3.mining.conditions import Condition
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import Condition as When
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.surfels import Asset

HOURS = LightConfig(tuple(float(hour) for hour in range(24)))
NONE = float("nan")


def told(hour: float, glow: float = NONE, room: float = NONE, weather: int = 0, lit: float = NONE) -> Compared:
    return Compared(Condition(weather, hour), room, glow, lit)


def glow_at(table: LightTable, weather: int, hour: float) -> float:
    return float(table.at(When(weather=torch.tensor([weather]), hour=torch.tensor([hour]))).glow[0])


def test_lamps_are_lit_at_once_when_recordings_show_them_lit():
    table = LightTable(4, HOURS)
    dark = lambda hour: hour >= 17.9 or hour < 6.9  # noqa: E731
    rng = np.random.default_rng(0)  # pictures show lit windows or not; by day some look as if they were
    share = [float(rng.random() * (0.9 if dark(hour) else 0.2)) for hour in np.arange(0, 24, 0.1)]
    write_glow(table, [told(float(hour), 0.9, lit=lit) for hour, lit in zip(np.arange(0, 24, 0.1), share, strict=True)])
    for weather in range(4):  # those that nobody saw are as others
        assert glow_at(table, weather, 17.5) < 0.1
        assert glow_at(table, weather, 18.1) > 0.7
        assert glow_at(table, weather, 12.0) == glow_at(table, weather, 15.3) == 0
        assert glow_at(table, weather, 2.0) == pytest.approx(0.9, abs=0.06)
        assert glow_at(table, weather, 6.6) > 0.7
        assert glow_at(table, weather, 7.4) < 0.1


def test_rooms_are_as_bright_as_they_were_seen_in_each_weather():
    table = LightTable(4, HOURS)
    seen = [told(hour, room=1.6, weather=0) for hour in (9.0, 12.0)] + [told(12.5, room=1.1, weather=2)]
    write_rooms(table, seen)
    assert float(table.roofed[0, 12]) == pytest.approx(1.6)
    assert float(table.roofed[2, 12]) == pytest.approx(1.1)
    assert float(table.roofed[1, 12]) == pytest.approx(1.6), "a weather that nobody saw is as the others"


def test_pictures_that_tell_nothing_leave_the_table_as_it_was():
    table, plain = LightTable(4, HOURS), LightTable(4, HOURS)
    write_glow(table, [told(12.0)])
    write_rooms(table, [told(12.0)])
    assert torch.equal(table.glow, plain.glow)
    assert torch.equal(table.roofed, plain.roofed)
    assert lit_share([told(12.0), told(13.0, glow=0.5, lit=0.1)]) == 1
    night = [told(hour, glow=1.0, lit=lit) for hour, lit in ((1.0, 0.4), (1.5, 0.3), (2.0, 0.8), (2.5, 0.8), (3.0, 0.7))]
    assert lit_share([*night, told(12.0, glow=0.5, lit=0.1)]) == pytest.approx(0.6 / 0.8)


def test_as_many_windows_stay_lit_as_recordings_show():
    columns = np.repeat(np.arange(8) * 2.0, 4)  # eight windows of four patches each
    position = np.stack([columns + np.tile([0, 0.5, 0, 0.5], 8) - 7, np.zeros(32), np.tile([0, 0, 0.5, 0.5], 8)], 1)
    house = Asset(
        "house", (16.0, 1.0, 2.0), position, np.tile([0.0, -1, 0], (32, 1)), np.full((32, 3), 90, np.uint8),
        np.full(32, 0.35), glow=np.full((32, 3), 200, np.uint8),
    )  # fmt: skip
    tile = np.zeros((4, 4, 4, 3), np.uint8)
    library = AssetLibrary.build([house], [Material("grass", tile)], ("sky", "ground", "water", "house"))
    put_out(library, 0.5, seed=0)
    finest = library.glow[int(library.first[0, 0]) : int(library.first[0, 1]), 0].numpy().reshape(8, 4)
    assert sorted(finest.mean(1).tolist()) == [0] * 4 + [200] * 4, "a window is lit wholly or not at all"
    again = library.glow.clone()
    put_out(library, 1.0, seed=0)
    assert torch.equal(library.glow, again)
