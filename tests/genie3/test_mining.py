"""Mining finds again what a yard was drawn from: light, fog, shapes, whole houses, the ground's pattern, the sky."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yard

from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.errors import GenieGymError
from genie_gym.genie3.mining import episodes
from genie_gym.genie3.mining.conditions import Weathers
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.episodes import read_episode
from genie_gym.genie3.mining.kept import fingerprint
from genie_gym.genie3.mining.mine import mine
from genie_gym.genie3.mining.views import _moved
from genie_gym.places.surfels import STEPS
from genie_gym.text.vocabulary import Vocabulary

CONFIG = MiningConfig(light_frames=9, light_pixels=300, blocks=12, tile=32, sky_at=(0.0, 12.0), sky_size=(16, 32))
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


def same(library, other):
    pairs = zip(library.named_buffers(), other.named_buffers(), strict=True)
    return all(name == also and torch.equal(a, b) for (name, a), (also, b) in pairs)


def test_it_goes_on_where_it_stopped(mined, recording, monkeypatch):
    library, _, report, work = mined
    (folder,) = work.iterdir()
    assert [path.name for path in sorted(folder.iterdir())] == [
        "episode_000000.safetensors", "episode_000001.safetensors", "light.safetensors",
    ]  # fmt: skip
    damaged = folder / "episode_000001.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    read = []
    monkeypatch.setattr(episodes, "read_episode", lambda *about: read.append(about[1]) or read_episode(*about))
    again, _, told = mine(VideoDataset(recording), CONFIG, work)
    assert read == [1]  # what was whole is not read again
    assert told == report
    assert same(library, again)


def test_unfinished_work_of_other_recordings_or_settings_is_not_gone_on_with(recording):
    data = VideoDataset(recording)
    assert fingerprint(data, CONFIG) == fingerprint(VideoDataset(recording), CONFIG)
    assert fingerprint(data, CONFIG) != fingerprint(data, replace(CONFIG, frames=7))
    data.lengths = data.lengths[:1]
    assert fingerprint(data, CONFIG) != fingerprint(VideoDataset(recording), CONFIG)


def test_without_a_folder_nothing_is_kept_and_all_is_the_same(mined, recording):
    assert same(mined[0], mine(VideoDataset(recording), CONFIG)[0])


def without_twins(episode):
    del episode.truth["twin"], episode.description["twin_spec"]


def with_holes_in_depth(episode):
    depth = episode.truth["depth"]
    depth[:, ::7, ::5], depth[:, 1::9, ::6], depth[:, 2::11, ::8] = np.nan, 0, -1
    depth[episode.truth["instance"] == -1] = np.inf


def without_frames(episode):
    if "sunny" in str(episode.description["twin_spec"]):  # of two, one is empty
        episode.frames = episode.frames[:0]
        episode.truth = {name: values[:0] for name, values in episode.truth.items()}


def indoors(episode):
    episode.place = episode.place.replace(roof=(-16.0, -16.0, 16.0, 16.0))


def without_ground(episode):
    episode.truth["semantic"][episode.truth["semantic"] == 1] = 0


def with_an_event(episode):
    episode.description["events"] = [(6, {})]
    episode.frames[6:], episode.truth["twin"][6:], episode.truth["depth"][6:] = 0, 0, 1


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "change", [without_twins, with_holes_in_depth, without_frames, indoors, without_ground, with_an_event]
)
def test_odd_recordings_are_mined_all_the_same(tmp_path, change):
    library, light, report = mine(VideoDataset(yard.record(tmp_path / "yard.h5", change=change)), CONFIG)
    assert report.episodes == (1 if change is without_frames else 2)
    assert "crate" in library.config.names
    colour = library.albedo[int(library.first[library.config.names.index("crate"), 0])].float() / torch.tensor(yard.CRATE)
    assert colour.max() / colour.min() < 1.35
    assert all(torch.isfinite(values.float()).all() for values in library.buffers())
    if change is not indoors:
        np.testing.assert_allclose(light.sky[SUNNY, 1].float().mean((0, 1)), yard.SKY["sunny"], atol=3)


def test_one_frame_is_enough(tmp_path):
    library, _, report = mine(VideoDataset(yard.record(tmp_path / "yard.h5", seeds=(1,), frames=1)), CONFIG)
    assert report.episodes == 1
    assert torch.isfinite(library.light.gain).all()


def test_recordings_that_show_nothing_of_what_stands_there_are_refused(tmp_path):
    def blind(episode):
        episode.truth["instance"][:] = 0

    with pytest.raises(GenieGymError, match="show things"):
        mine(VideoDataset(yard.record(tmp_path / "yard.h5", seeds=(1,), frames=2, change=blind)), CONFIG)
    bare = yard.record(tmp_path / "bare.h5", seeds=(1,), frames=2, change=lambda one: one.description.pop("intrinsics"))
    with pytest.raises(GenieGymError, match="intrinsics"):
        mine(VideoDataset(bare), CONFIG)


def test_recordings_with_other_classes_are_not_mixed(tmp_path, monkeypatch):
    one = yard.record(tmp_path / "one.h5", seeds=(1,), frames=2)
    monkeypatch.setattr(yard, "CLASSES", (*yard.CLASSES, "cow"))
    other = yard.record(tmp_path / "other.h5", seeds=(1,), frames=2)
    with pytest.raises(GenieGymError, match="same classes"):
        mine(VideoDataset([one, other]), CONFIG)


def test_what_a_weather_does_is_known_by_its_words():
    words = (("weather", "white", "", ("snow",)), ("weather", "wet", "", ("rain", "drops")))
    named = Vocabulary(("yard",), ("fair", "white", "wet"), words=words).to_dict()
    assert Weathers.of({"vocabulary": named}) == Weathers(("fair", "white", "wet"), snow=1, rain=2)
    town = Weathers.of({"vocabulary": VOCABULARY.to_dict()})
    assert (town.names[town.snow], town.names[town.rain]) == ("snowy", "rainy")
    assert Weathers.of({"vocabulary": None}) == Weathers(("clear",))
    with pytest.raises(GenieGymError, match="one of fair, white, wet; got 'hail'"):
        Weathers.of({"vocabulary": named}).condition({"weather": "hail"})


def test_what_moves_is_nowhere_while_it_is_not_there():
    entities = np.zeros((3, 2, 8), np.float32)
    entities[:, 0], entities[1:, 1] = (4, 1, 2, 3, 1, 0, 0, 0), (5, 7, 8, 9, 0, 0, 0, 1)
    moved = _moved(entities)
    assert moved.keys() == {4, 5}
    np.testing.assert_allclose(moved[4], [(1, 2, 3, 0)] * 3)
    assert np.isnan(moved[5][0]).all()
    np.testing.assert_allclose(moved[5][1:], [(7, 8, 9, np.pi)] * 2)


def test_the_report_says_what_was_not_explained(mined):
    assert mined[2].episodes == 2
    told = mined[2].unexplained["building"]
    assert told["pixels"] > 1000
    assert told["in no box"] < 0.02


def test_recordings_without_places_are_refused(tmp_path):
    bare = yard.record(tmp_path / "bare.h5", seeds=(1,), frames=2, with_places=False)
    with pytest.raises(GenieGymError, match="what stands where"):
        mine(VideoDataset(bare), CONFIG)
