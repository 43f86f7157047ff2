"""Minari's commands and functions, TorchRL's replay and d3rlpy, on what `generate` writes."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium as gym
import minari
import minari.namespace
import numpy as np
import pytest
from minari.cli import app
from minari.data_collector import EpisodeBuffer
from tensordict import TensorDict
from typer.testing import CliRunner

import genie_gym
from genie_gym.cli import main
from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.datasets.minari_metadata import Credits
from genie_gym.datasets.minari_place import dataset_place
from genie_gym.envs.sim.procgen import import_procgen
from genie_gym.errors import GenieGymError

DISCRETE, DICTIONARY, FOREIGN = "genie/debug-v0", "tiny-v3", "gym/classic/cart_pole-v0"
IDS = [DISCRETE, DICTIONARY, FOREIGN]
ABOUT = Credits(("A. Author", "B. Author"), ("a@example.org",), "https://example.org/code", (0.0, 20.0))
D3RLPY = Path(sys.prefix) / "d3rlpy"  # `make d3rlpy`: beside the environment, since it brings the old gym
PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"


@pytest.fixture(scope="module")
def written(tmp_path_factory, world_folder, tiny_folder):
    """A root with codes and frames; vectors, frames and depth; and an environment that is not ours."""
    root = tmp_path_factory.mktemp("minari")
    debug = {"world": os.path.relpath(world_folder), "device": "cpu"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        generate(GenerateConfig("Genie1-v0", 5, "sticky", 3, 7, 2, debug), 2, root / "genie" / "debug", about=ABOUT)
        generate(GenerateConfig("Tiny-v0", 4, env_kwargs={"obs": ("rgb", "depth")}), 2, root / "tiny-v3")
        generate(GenerateConfig("CartPole-v1", 6, max_episode_steps=9, episodes_per_shard=4), 2, root / FOREIGN)
    return root


@pytest.fixture
def root(written, tmp_path, monkeypatch):
    """A copy of it that a test may change."""
    shutil.copytree(written, tmp_path / "root")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))
    return tmp_path / "root"


def run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, arguments, input="y\n")
    assert result.exit_code == 0, result.output
    return result.output


def same(first, second) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[name], second[name]) for name in first)
    return np.array_equal(first, second)


def test_the_commands(root):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Minari warns of datasets that it cannot list
        listed = run("list", "local", "--all")
        shown = {name: run("show", name) for name in IDS}
    assert all(name in listed for name in IDS)
    assert "Author" in listed
    assert "sticky" in shown[DISCRETE]
    assert "max_episode_steps" in shown[FOREIGN]
    run("combine", DISCRETE, DISCRETE, "--dataset-id", "both-v0")
    assert minari.load_dataset("both-v0").total_episodes == 10
    run("delete", DISCRETE, "both-v0")
    assert minari.list_local_datasets().keys() == {DICTIONARY, FOREIGN}


def test_list_and_namespaces(root):
    listed = minari.list_local_datasets(latest_version=True, compatible_minari_version=True)
    assert listed.keys() == set(IDS)
    assert minari.list_local_datasets(prefix="genie").keys() == {DISCRETE}
    assert minari.namespace.list_local_namespaces() == ["genie", "gym", "gym/classic"]
    minari.namespace.update_namespace_metadata("genie", description="worlds")
    assert minari.namespace.get_namespace_metadata("genie")["description"] == "worlds"
    minari.delete_dataset(DISCRETE)
    minari.namespace.delete_namespace("genie")
    assert minari.namespace.list_local_namespaces() == ["gym", "gym/classic"]


@pytest.mark.parametrize("name", IDS)
def test_what_a_dataset_says(root, name):
    dataset = minari.load_dataset(name)
    metadata = dataset.storage.metadata
    assert (dataset.id, metadata["dataset_id"]) == (name, name)
    assert metadata["dataset_size"] == pytest.approx(dataset.storage.get_size(), abs=0.11)
    assert dataset.total_steps == sum(len(episode) for episode in dataset) == dataset.spec.total_steps
    assert metadata["requirements"] == [
        f"gymnasium>={gym.__version__}" if name == FOREIGN else f"genie-gym>={genie_gym.__version__}"
    ]
    assert metadata["algorithm_name"] == ("sticky" if name == DISCRETE else "random")
    if name == DISCRETE:
        assert metadata["author"] == {"A. Author", "B. Author"}
        assert metadata["author_email"] == {"a@example.org"}
        assert metadata["code_permalink"] == "https://example.org/code"
        assert minari.get_normalized_score(dataset, np.array([5.0])) == [0.25]
    else:
        assert not {"author", "code_permalink", "ref_max_score"} & metadata.keys()
        with pytest.raises(ValueError, match="Reference score not provided"):
            minari.get_normalized_score(dataset, np.array([5.0]))


@pytest.mark.parametrize(("name", "limit"), [(DISCRETE, 7), (DICTIONARY, 40), (FOREIGN, 9)])
def test_the_environment_comes_back(root, name, limit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the world was given by a relative path
    dataset = minari.load_dataset(name)
    for env in (dataset.recover_environment(), dataset.recover_environment(eval_env=True)):
        assert env.spec.max_episode_steps == limit
        assert env.observation_space == dataset.observation_space
        assert env.action_space == dataset.action_space
        seeds = dataset.storage.get_episode_metadata(range(dataset.total_episodes))
        for episode, metadata in zip(dataset, seeds, strict=True):
            assert len(episode) <= limit
            first = env.reset(seed=metadata["seed"])[0]
            stored = {k: v[0] for k, v in episode.observations.items()} if name == DICTIONARY else episode.observations[0]
            assert same(first, stored)
        env.close()
    if name == DISCRETE:
        assert Path(env.spec.kwargs["world"]).is_absolute()
        assert "device" not in env.spec.kwargs


@pytest.mark.parametrize("name", IDS)
def test_reading_and_changing(root, name):
    dataset = minari.load_dataset(name)
    dataset.set_seed(1)
    assert len(dataset.sample_episodes(3)) == 3
    assert [episode.id for episode in dataset.iterate_episodes([2, 0])] == [2, 0]
    assert same(dataset[1].actions, next(dataset.iterate_episodes([1])).actions)
    long = dataset.filter_episodes(lambda episode: len(episode) > 3)
    assert len(long) == sum(len(episode) > 3 for episode in dataset)
    first, second = minari.split_dataset(dataset, [3, 1], seed=0)
    assert (len(first), len(second)) == (3, 1)
    assert not set(first.episode_indices) & set(second.episode_indices)
    dataset.storage.update_metadata({"docs_url": "https://example.org"})
    assert minari.load_dataset(name).storage.metadata["docs_url"] == "https://example.org"
    dataset.storage.update_episode_metadata([{"note": k} for k in range(len(dataset))])
    assert [m["note"] for m in dataset.storage.get_episode_metadata([1, 3])] == [1, 3]
    combined = minari.combine_datasets([dataset, dataset], "combined-v0")
    assert combined.combined_datasets == [name, name]
    assert combined.env_spec.max_episode_steps == dataset.env_spec.max_episode_steps
    for k, episode in enumerate(combined):
        assert same(episode.actions, dataset[k % len(dataset)].actions)
        assert same(episode.rewards, dataset[k % len(dataset)].rewards)


@pytest.mark.parametrize("name", IDS)
def test_episodes_are_added(root, name):
    dataset = minari.load_dataset(name)
    old, before = dataset[0], dataset.total_episodes
    fields = {k: getattr(old, k) for k in ("observations", "actions", "rewards", "terminations", "truncations")}
    dataset.update_dataset_from_buffer([EpisodeBuffer(**fields)])
    assert dataset.total_episodes == before + 1
    assert same(minari.load_dataset(name)[before].observations, old.observations)
    dataset.storage.update_episodes([EpisodeBuffer(id=0, **fields)])  # goes on with an episode that there is
    assert len(next(minari.load_dataset(name).storage.get_episodes([0]))["rewards"]) == 2 * len(old)


def test_what_minari_changed_outlives_a_repair(root):
    config = GenerateConfig("CartPole-v1", 6, max_episode_steps=9, episodes_per_shard=4)
    dataset = minari.load_dataset(FOREIGN)
    old = dataset[5]
    fields = {k: getattr(old, k) for k in ("observations", "actions", "rewards", "terminations", "truncations")}
    dataset.update_dataset_from_buffer([EpisodeBuffer(**fields)])
    dataset.storage.update_metadata({"description": "mine"})
    dataset.storage.update_episode_metadata([{"note": k} for k in range(7)])
    steps = dataset.total_steps

    def kept() -> list[int]:
        again = minari.load_dataset(FOREIGN)
        assert (again.total_episodes, again.total_steps) == (7, steps)
        assert again.storage.metadata["description"] == "mine"
        return [m.get("note") for m in again.storage.get_episode_metadata(range(7))]

    generate(config, 2, root / FOREIGN, resume=True)
    assert kept() == [0, 1, 2, 3, 4, 5, 6]
    (root / FOREIGN / "data" / "shard-00000.hdf5").unlink()
    generate(config, 2, root / FOREIGN, resume=True)
    assert kept() == [None, None, None, None, 4, 5, 6]
    (root / FOREIGN / "data" / "main_data.hdf5").unlink()  # what lay there alone is lost, what shards hold is joined again
    generate(config, 2, root / FOREIGN, resume=True)
    assert minari.load_dataset(FOREIGN).total_episodes == 6


def test_a_simulator_comes_back(tmp_path, monkeypatch):
    options = {"obs": ("rgb", "depth", "instance", "pose"), "width": 32, "height": 24, "prompt": "a village in the rain"}
    generate(GenerateConfig("GenieSim/Town-v0", 2, max_episode_steps=3, env_kwargs=options), 1, tmp_path / "town")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("town-v0")
    env = dataset.recover_environment()
    assert env.spec.max_episode_steps == 3
    assert env.spec.kwargs["prompt"] == "a village in the rain"
    assert env.observation_space == dataset.observation_space
    assert next(iter(dataset)).observations["depth"].shape == (4, 24, 32)
    env.close()


def torchrl_replay(name: str, folder: Path, **options):
    from torchrl.data.datasets.minari_data import MinariExperienceReplay

    return MinariExperienceReplay(name, 16, root=folder, download=False, load_from_local_minari=True, **options)


@pytest.mark.parametrize("name", IDS)
def test_torchrl_opens_it(root, name, tmp_path):
    replay, dataset = torchrl_replay(name, tmp_path), minari.load_dataset(name)
    assert len(replay) == dataset.total_steps
    assert replay.metadata["env_spec"]["id"] == dataset.env_spec.id
    batch = replay.sample()
    frames = batch["observation", "rgb"] if name == DICTIONARY else batch["observation"]
    space = dataset.observation_space["rgb"] if name == DICTIONARY else dataset.observation_space
    assert frames.shape == (16, *space.shape)
    assert frames.numpy().dtype == space.dtype
    assert batch["action"].shape == (16, *dataset.action_space.shape)


@pytest.mark.parametrize("name", IDS)
def test_torchrl_reads_every_value(root, name, tmp_path, monkeypatch):
    """From 0.11 to 0.14.1 it forgets all values when it moves them to disk, of any dataset (docs/datasets.md)."""
    monkeypatch.setattr(TensorDict, "memmap_like", TensorDict.memmap)
    dataset = minari.load_dataset(name)
    stored = torchrl_replay(name, tmp_path / "steps")[:]
    for number, episode in enumerate(dataset):
        rows = stored[stored["episode"] == number]
        seen = episode.observations if name == DICTIONARY else {None: episode.observations}
        for key, values in seen.items():
            at = "observation" if key is None else ("observation", key)
            assert same(rows[at].numpy(), values[:-1])
            assert same(rows["next"][at].numpy(), values[1:])
        assert same(rows["action"].numpy(), episode.actions)
        assert same(rows["next", "reward"][:, 0].numpy(), episode.rewards)
        assert same(rows["next", "terminated"][:, 0].numpy(), episode.terminations)
        assert same(rows["next", "truncated"][:, 0].numpy(), episode.truncations)
    assert len(torchrl_replay(name, tmp_path / "episodes", split_trajs=True)) == dataset.total_episodes


def with_d3rlpy(code: str, folder: Path) -> str:
    places = [str(D3RLPY), str(Path(genie_gym.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(not D3RLPY.is_dir(), reason="make d3rlpy installs it")
def test_d3rlpy_opens_it(root, tmp_path):
    code = """
import d3rlpy, json, minari, numpy as np
replay, env = d3rlpy.datasets.get_minari("gym/classic/cart_pole-v0")
first, stored = replay.episodes[0], minari.load_dataset("gym/classic/cart_pole-v0")[0]
same = [np.array_equal(first.observations, stored.observations[:-1]), np.array_equal(first.actions[:, 0], stored.actions)]
print("RESULT", json.dumps([replay.size(), replay.transition_count, env.spec.max_episode_steps, same]))
"""
    dataset = minari.load_dataset(FOREIGN)
    result = with_d3rlpy(code, tmp_path).rpartition("RESULT")[2]
    cut = sum(bool(episode.truncations[-1]) for episode in dataset)  # a cut episode's last step leads nowhere
    assert json.loads(result) == [6, dataset.total_steps - cut, 9, [True, True]]


def test_the_page_on_datasets(world_folder, tmp_path, monkeypatch):
    """Its Python runs on a dataset of the name that it speaks of."""
    config = GenerateConfig(episodes=6, max_episode_steps=9, env_kwargs={"world": str(world_folder), "device": "cpu"})
    generate(config, 3, tmp_path / "data" / "coinrun")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", "data")
    monkeypatch.setattr(TensorDict, "memmap_like", TensorDict.memmap_like)  # the page changes it; put back afterwards
    with contextlib.suppress(GenieGymError):
        import_procgen()
    *ours, d3rlpy, _ = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)  # the last reads recordings
    namespace: dict = {}
    for block in ours:
        exec(compile(block, str(PAGE), "exec"), namespace)
    assert namespace["batch"]["observation"].shape == (32, 64, 64, 3)
    assert namespace["batch"]["observation"].any()
    assert "d3rlpy" in d3rlpy
    if D3RLPY.is_dir():
        with_d3rlpy(d3rlpy, tmp_path)


# Names and places


@pytest.mark.parametrize(
    ("out", "name"),
    [("coinrun", "coinrun-v0"), ("coinrun-v3", "coinrun-v3"), ("a-v0-v12", "a-v0-v12"), ("数据", "数据-v0"),
     ("x-v", "x-v-v0"), ("a/b/c", "c-v0"), ("../up/set", "set-v0"), ("two words/set", "set-v0")],
)  # fmt: skip
def test_ids_outside_of_minaris_root(out, name, tmp_path, monkeypatch):
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    place = dataset_place(out)
    assert place.id == place.folder.name == name
    assert place.root == place.folder.parent


@pytest.mark.parametrize(
    ("out", "near"),
    [("coinrun.v0", "coinrun-v0-v0"), ("two words", "two-words-v0"), ("coinrun-v007", "coinrun-v7"), ("a:b-v2", "a-b-v2"),
     ("...", "dataset-v0"), ("-v3", "dataset-v3"), ("my data/set", "my-data/set-v0"), ("g/set", "set-v0")],
)  # fmt: skip
def test_names_that_minari_refuses(out, near, tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    with pytest.raises(GenieGymError) as raised:
        dataset_place(tmp_path / out)
    assert repr(str(tmp_path / near)) in str(raised.value)
    assert dataset_place(tmp_path / near).id == near


def test_below_minaris_root_folders_are_the_namespace(tmp_path, monkeypatch):
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset_place(tmp_path / ".minari/datasets/games/coin/run").id == "games/coin/run-v0"
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root, out in (("link", "link"), ("real", "link"), ("link", "real")):
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / root))
        assert dataset_place(tmp_path / out / "games" / "x").id == "games/x-v0"


def test_places_where_minari_would_not_find_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    with pytest.raises(GenieGymError, match="a folder named data"):
        dataset_place(tmp_path / "data" / "coinrun")
    (tmp_path / "inner-v0" / "data").mkdir(parents=True)
    with pytest.raises(GenieGymError, match="is a dataset itself"):
        dataset_place(tmp_path / "inner-v0" / "x")
    assert dataset_place(tmp_path / "data-v0").id == "data-v0"
    assert dataset_place(tmp_path.parent / "elsewhere" / "x").root == tmp_path.parent / "elsewhere"


def test_a_dataset_of_the_older_layout(tmp_path):
    config = GenerateConfig("CartPole-v1", 2, max_episode_steps=3)
    for name in ("set", "other-v1"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text(json.dumps({"settings": {}, "shards": {}}))
        for resume in (False, True):
            with pytest.raises(GenieGymError, match="older layout, which Minari cannot list"):
                generate(config, 1, tmp_path / name, resume=resume)
    assert not (tmp_path / "set-v0").exists()


def test_observations_that_are_no_arrays_are_refused_first(tmp_path):
    with pytest.raises(GenieGymError, match="observations of the kind Tuple"):
        generate(GenerateConfig("Blackjack-v1", 2), 1, tmp_path / "set")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("env", ["FrozenLake-v1", "gymnasium.envs.classic_control:Pendulum-v1"])
def test_environments_of_other_kinds(env, tmp_path, monkeypatch):
    generate(GenerateConfig(env, 3, max_episode_steps=5), 2, tmp_path / "set")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("set-v0")
    recovered = dataset.recover_environment()
    assert recovered.spec.max_episode_steps == 5
    assert recovered.observation_space == dataset.observation_space
    assert all(len(episode.observations) == len(episode.actions) + 1 for episode in dataset)


def test_an_environment_that_cannot_be_written_is_left_out(tmp_path, monkeypatch):
    gym.register("Local-v0", entry_point=lambda **kwargs: gym.make("CartPole-v1", **kwargs).unwrapped, max_episode_steps=4)
    try:
        with pytest.warns(UserWarning, match="will not bring Local-v0 back"):
            generate(GenerateConfig("Local-v0", 2), 1, tmp_path / "set")
    finally:
        del gym.registry["Local-v0"]
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("set-v0")
    assert dataset.env_spec is None
    run("show", "set-v0")


def test_the_command_says_where_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    arguments = ["generate", "--env", "CartPole-v1", "--episodes", "3", "--num-envs", "2", "--out", "sets/cart"]
    assert main([*arguments, "--author", "A. Author", "B. Author", "--reference-scores", "10", "500"]) == 0
    said = capsys.readouterr().out
    assert "sets/cart becomes cart-v0" in said
    assert f"MINARI_DATASETS_PATH={tmp_path / 'sets'} minari show cart-v0" in said
    monkeypatch.setenv("MINARI_DATASETS_PATH", "sets")
    dataset = minari.load_dataset("cart-v0")
    assert dataset.storage.metadata["author"] == {"A. Author", "B. Author"}
    assert minari.get_normalized_score(dataset, np.array(10.0)) == 0
    assert main(arguments) == 2
    assert "pass --resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert main([*arguments[:-1], "sets/two words"]) == 2
    assert "two-words-v0' would do" in capsys.readouterr().err
