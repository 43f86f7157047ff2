import json
import os
import signal
import subprocess
import sys
import time

import gymnasium as gym
import h5py
import minari
import numpy as np
import pytest
from PIL import Image

from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.datasets.minari_format import MinariWriter
from genie_gym.errors import GenieGymError
from genie_gym.files import part_of


@pytest.fixture
def config(world_folder) -> GenerateConfig:
    kwargs = {"world": str(world_folder), "device": "cpu"}
    return GenerateConfig(episodes=10, seed=3, max_episode_steps=12, episodes_per_shard=4, env_kwargs=kwargs)


def episodes_of(folder) -> dict[int, dict]:
    with h5py.File(folder / "data" / "main_data.hdf5") as file:
        return {
            int(name.removeprefix("episode_")): {key: group[key][:] for key in group} | {"seed": int(group.attrs["seed"])}
            for name, group in file.items()
        }


def same(first: dict[int, dict], second: dict[int, dict]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[i][key], second[i][key]) for i in first for key in ("observations", "actions", "rewards")
    )


def test_minari_opens_it_as_it_is(config, tmp_path, monkeypatch):
    generate(config, 3, tmp_path / "set-v0")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("set-v0")
    assert dataset.total_episodes == 10
    episodes = list(dataset.iterate_episodes())
    assert dataset.total_steps == sum(len(e.actions) for e in episodes)
    stored = episodes_of(tmp_path / "set-v0")
    for episode in episodes:
        assert episode.observations.dtype == np.uint8
        assert len(episode.observations) == len(episode.actions) + 1 <= 13
        assert np.array_equal(episode.observations, stored[episode.id]["observations"])  # lossless
        assert episode.terminations[-1] or episode.truncations[-1]
        assert not episode.terminations[:-1].any()
        assert not episode.truncations[:-1].any()
        assert episode.terminations[-1] or len(episode.actions) == 12
        assert episode.truncations[-1] != episode.terminations[-1]
    assert any(e.terminations[-1] for e in episodes)
    assert any(e.truncations[-1] for e in episodes)
    assert all(e.rewards.dtype == np.float64 for e in episodes)
    assert dataset.observation_space == gym.spaces.Box(0, 255, (64, 64, 3), np.uint8)
    assert dataset.action_space == gym.spaces.Discrete(8)
    with h5py.File(tmp_path / "set-v0" / "data" / "main_data.hdf5") as file:
        assert all(group.attrs["total_steps"] == len(group["actions"]) for group in file.values())
    assert len(dataset.sample_episodes(4)) == 4
    assert (tmp_path / "set-v0" / "contact_sheet.png").stat().st_size > 1000
    assert (tmp_path / "set-v0" / "episodes.mp4").stat().st_size > 500


def test_an_episode_is_fixed_by_seed_and_number(config, tmp_path):
    generate(config, 3, tmp_path / "a-v0")
    generate(config, 3, tmp_path / "b-v0")
    a = episodes_of(tmp_path / "a-v0")
    assert same(a, episodes_of(tmp_path / "b-v0"))
    assert len({e["seed"] for e in a.values()}) == 10
    generate(GenerateConfig(**{**config.__dict__, "seed": 4}), 3, tmp_path / "c-v0")
    assert not same(a, episodes_of(tmp_path / "c-v0"))


def test_an_episodes_seed_brings_it_back(config, tmp_path):
    generate(config, 3, tmp_path / "set-v0")
    env = gym.make("Genie1-v0", max_episode_steps=12, **config.env_kwargs)
    for episode in list(episodes_of(tmp_path / "set-v0").values())[:3]:
        seen = [env.reset(seed=episode["seed"])[0]] + [env.step(action)[0] for action in episode["actions"]]
        assert np.abs(np.stack(seen).astype(int) - episode["observations"]).max() <= 1


def test_a_lost_or_damaged_shard_is_made_again(config, tmp_path):
    generate(config, 3, tmp_path / "set-v0")
    before = episodes_of(tmp_path / "set-v0")
    (tmp_path / "set-v0/data/shard-00001.hdf5").unlink()
    damaged = tmp_path / "set-v0/data/shard-00002.hdf5"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    half = part_of(tmp_path / "set-v0/data/shard-00003.hdf5")
    half.write_bytes(b"what a kill left half-written")
    untouched = (tmp_path / "set-v0/data/shard-00000.hdf5").stat().st_mtime_ns
    with pytest.raises(GenieGymError, match="--resume"):
        generate(config, 3, tmp_path / "set-v0")
    generate(config, 3, tmp_path / "set-v0", resume=True)
    assert not half.exists()
    after = episodes_of(tmp_path / "set-v0")
    assert after.keys() == before.keys()
    assert all(np.array_equal(before[i]["actions"], after[i]["actions"]) for i in range(4))
    assert (tmp_path / "set-v0/data/shard-00000.hdf5").stat().st_mtime_ns == untouched


def test_killed_at_any_moment_it_keeps_finished_shards(world_folder, tmp_path, monkeypatch):
    out = tmp_path / "set-v0"
    command = [sys.executable, "-m", "genie_gym", "generate", "--episodes", "400", "--num-envs", "4",
               "--out", str(tmp_path / "set"), "--max-episode-steps", "12", "--episodes-per-shard", "8",
               "--option", "world", str(world_folder)]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.time() + 120
    while time.time() < deadline and len(list(out.glob(".data.part/shard-*.hdf5"))) < 2:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["shards"]
    assert not (out / "data").exists()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    assert minari.list_local_datasets() == {}
    for name in manifest["shards"]:
        with h5py.File(out / ".data.part" / name) as file:
            assert len(file) == 8
    assert subprocess.run([*command, "--resume"], capture_output=True).returncode == 0
    assert len(episodes_of(out)) == minari.load_dataset("set-v0").total_episodes == 400
    assert not (out / ".data.part").exists()


def test_other_settings_do_not_mix(config, tmp_path):
    generate(config, 3, tmp_path / "set-v0")
    with pytest.raises(GenieGymError, match="other settings \\(seed\\)"):
        generate(GenerateConfig(**{**config.__dict__, "seed": 4}), 3, tmp_path / "set-v0", resume=True)


def test_a_full_disk_leaves_no_half_shard(config, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genie_gym.datasets.minari_format._write_episode", full)
    with pytest.raises(GenieGymError, match="disk full"):
        generate(config, 3, tmp_path / "set-v0")
    assert not (tmp_path / "set-v0").exists()


def test_foreign_folders_are_left_alone(tmp_path):
    for name, text in (("notes.txt", "mine"), ("manifest.json", '{"config.json": "a world"}')):
        folder = tmp_path / f"{name[:5]}-v0"
        folder.mkdir()
        (folder / name).write_text(text)
        with pytest.raises(GenieGymError, match="not empty"):
            MinariWriter(folder, {})
        assert [path.name for path in folder.iterdir()] == [name]


def test_any_gymnasium_environment_can_be_generated_from(tmp_path):
    generate(GenerateConfig(env="CartPole-v1", episodes=5, policy="sticky"), 2, tmp_path / "cart-v0")
    for episode in episodes_of(tmp_path / "cart-v0").values():
        assert episode["observations"].shape == (len(episode["actions"]) + 1, 4)


def test_unknown_names(tmp_path):
    with pytest.raises(GenieGymError, match="Did you mean 'Genie1-v0'"):
        generate(GenerateConfig(env="Genie1-v1"), 1, tmp_path / "x")
    with pytest.raises(GenieGymError, match="unknown policy 'randon'"):
        generate(GenerateConfig(env="CartPole-v1", policy="randon"), 1, tmp_path / "x")


def test_the_prior_is_a_policy_of_worlds_that_have_one(config, tmp_path):
    for name in ("a", "b"):
        generate(GenerateConfig(**{**config.__dict__, "policy": "prior"}), 3, tmp_path / name)
    assert same(episodes_of(tmp_path / "a-v0"), episodes_of(tmp_path / "b-v0"))
    with pytest.raises(GenieGymError, match="needs a learned world"):
        generate(GenerateConfig(env="CartPole-v1", policy="prior"), 2, tmp_path / "cart-v0")


class Screens(gym.Env):
    """Shows what is asked for: a bright square that an action moves on."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, shape: str = "colour"):
        box = {"colour": (24, 32, 3), "first": (3, 24, 32), "flat": (24, 32), "grey": (24, 32, 1), "vector": (7,)}
        part = gym.spaces.Box(0, 255, box[shape.removeprefix("dict of ")], np.uint8)
        several = gym.spaces.Dict({"speed": gym.spaces.Box(0, 1, (2,)), "eye": gym.spaces.Dict({"left": part})})
        self.observation_space = several if shape.startswith("dict") else part
        self.shape = shape.removeprefix("dict of ")

    def _look(self):
        screen = np.zeros((24, 32, 3), np.uint8)
        screen[8:16, 4 * self.steps : 4 * self.steps + 8] = 255
        seen = {"colour": screen, "first": screen.transpose(2, 0, 1), "flat": screen[..., 0], "grey": screen[..., :1]}
        image = seen[self.shape] if self.shape in seen else np.full(7, self.steps, np.uint8)
        if isinstance(self.observation_space, gym.spaces.Dict):
            return {"speed": np.zeros(2, np.float32), "eye": {"left": image}}
        return image

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action):
        self.steps += 1
        return self._look(), 0.0, self.steps == 4, False, {}


def stacked(shape: str = "colour", last: bool = False):
    env = gym.wrappers.FrameStackObservation(Screens(shape), 4)
    if not last:
        return env
    flat = gym.spaces.Box(0, 255, (24, 32, 12), np.uint8)
    return gym.wrappers.TransformObservation(env, lambda seen: np.concatenate(seen, -1), flat)


@pytest.fixture
def screens():
    gym.register("Screens-v0", entry_point=Screens)
    gym.register("Stacked-v0", entry_point=stacked)
    yield
    del gym.registry["Screens-v0"], gym.registry["Stacked-v0"]


@pytest.mark.parametrize(
    ("env", "options"),
    [
        *(("Screens-v0", {"shape": shape}) for shape in ("colour", "first", "flat", "grey", "dict of colour")),
        *(("Stacked-v0", {"shape": shape}) for shape in ("colour", "first", "flat", "grey")),
        ("Stacked-v0", {"last": True}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_images_of_every_kind_are_drawn_the_newest_of_a_stack(screens, env, options, tmp_path, capsys):
    generate(GenerateConfig(env, 2, env_kwargs=options), 2, tmp_path / "set-v0")
    assert "no contact sheet" not in capsys.readouterr().out
    with Image.open(tmp_path / "set-v0/contact_sheet.png") as sheet:
        drawn = np.asarray(sheet)[:52]
    label = drawn.shape[1] - 2 - 5 * 66  # five frames of 64 pixels, with gaps of two
    for step in range(5):
        frame = drawn[2:50, label + 66 * step + 2 :][:, :64]
        assert (np.flatnonzero((frame[24] == 255).all(-1)) // 2).min() == 4 * step
    assert (tmp_path / "set-v0/episodes.mp4").stat().st_size > 500


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", ["vector", "dict of vector"])
def test_that_there_is_no_picture_is_said(screens, shape, tmp_path, capsys):
    generate(GenerateConfig("Screens-v0", 2, env_kwargs={"shape": shape}), 2, tmp_path / "set-v0")
    assert capsys.readouterr().out.count("no contact sheet and mp4: none of the observations is an image") == 1
    assert not (tmp_path / "set-v0/contact_sheet.png").exists()
