"""Mining finds again what a yard was drawn from: light, fog, shapes, whole houses, the ground's pattern, the sky."""

import numpy as np
import pytest
import torch
import yard

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.mine import mine
from genie_gym.places.surfels import STEPS

CONFIG = MiningConfig(light_frames=9, light_pixels=300, books=2, entries=32, tile=32, sky_at=(0.0, 12.0), sky_size=(16, 32))
SUNNY, RAINY = 0, 1


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return yard.record(tmp_path_factory.mktemp("yard") / "yard.h5")


@pytest.fixture(scope="module")
def mined(recording, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    return *mine(VideoDataset(recording), CONFIG, work), work


def surfels(library, name):
    """Positions in metres, normals and albedo of all finest surfels of a class, by asset."""
    for asset in [a for a, other in enumerate(library.config.names) if other == name]:
        part = slice(int(library.first[asset, 0]), int(library.first[asset, 1]))
        size = library.size[asset].numpy()
        yield size, library.position[part].numpy() * size / STEPS, library.normal[part].numpy() / 127, library.albedo[part]


def test_light_is_told_apart_from_what_it_falls_on(mined):
    _, light, _, _ = mined
    walls = [
        light.gain[weather, 12, 0, 0].mean() * 0.282095 - light.gain[weather, 12, 0, 6].mean() * 0.315392
        for weather in (0, 1)
    ]
    assert walls[RAINY] / walls[SUNNY] == pytest.approx(0.45 / 0.55, rel=0.06)
    density = light.fog[:, 12, 3]
    assert 0.006 < density[RAINY] < 0.024  # a yard is too small to tell it better
    assert density[SUNNY] < density[RAINY]
    np.testing.assert_allclose(light.fog[RAINY, 12, :3] * 255, yard.SKY["rainy"], atol=25)


def test_things_of_one_shape_are_one_asset_without_light(mined):
    library, _, report, _ = mined
    (crate,) = surfels(library, "crate")
    size, position, _, albedo = crate
    np.testing.assert_allclose(size, 0.8, atol=0.02)
    assert np.abs(np.abs(position).max(1) - 0.4).max() < 0.05  # they lie on its sides
    colour = np.median(albedo.numpy(), 0) / yard.CRATE
    assert np.ptp(colour) < 0.15  # how bright it is cannot be told from how light from above and from aside compare
    assert [told["scenes"] for told in report.assets if told["name"] == "crate"] == [{"yard": 8.0}]


def test_houses_are_whole_and_crisp(mined):
    library, _, _, _ = mined
    houses = list(surfels(library, "building"))
    assert houses
    for size, position, normal, _ in houses[:2]:
        for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # also those that nobody saw
            assert ((normal[:, :2] @ way) > 0.95).any(), (size, way)
        assert position[:, 2].min() < -size[2] / 2 + 0.4
    assert (library.pattern >= 0).sum() > 100


def test_the_ground_repeats(mined):
    library, _, _, _ = mined
    stone = library.config.materials.index("stone")
    assert float(library.period[stone]) % 2 == 0
    tile = library.tiles[stone, SUNNY, : CONFIG.tile**2].float()
    light, dark = tile[tile.mean(1) > tile.mean()].mean(), tile[tile.mean(1) <= tile.mean()].mean()
    assert float(light / dark) == pytest.approx(150 / 95, rel=0.12)


def test_the_sky_is_where_nothing_else_is(mined):
    _, light, _, _ = mined
    for weather, name in enumerate(yard.WEATHERS):
        np.testing.assert_allclose(light.sky[weather, 1].float().mean((0, 1)), yard.SKY[name], atol=3)


def test_it_goes_on_where_it_stopped(mined, recording):
    library, _, report, work = mined
    again, _, same = mine(VideoDataset(recording), CONFIG, work)
    assert same == report
    assert all(torch.equal(a, b) for a, b in zip(library.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_report_says_what_was_not_explained(mined):
    assert mined[2].episodes == 2
    told = mined[2].unexplained["building"]
    assert told["pixels"] > 1000
    assert told["in no box"] < 0.02


def test_recordings_without_places_are_refused(tmp_path):
    bare = yard.record(tmp_path / "bare.h5", seeds=(1,), frames=2, with_places=False)
    with pytest.raises(GenieGymError, match="what stands where"):
        mine(VideoDataset(bare), CONFIG)
