"""A dataset depends on neither the number of rows nor that of processes, nor on who dies."""

import json
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from genie_gym.datasets.generate import GenerateConfig, generate


@pytest.fixture
def config(world_folder) -> GenerateConfig:
    kwargs = {"world": str(world_folder), "device": "cpu"}
    return GenerateConfig(
        episodes=10, seed=3, max_episode_steps=12, episodes_per_shard=2, env_kwargs=kwargs, policy="sticky"
    )


def shards(folder: Path) -> dict[str, str]:
    known = json.loads((folder / "manifest.json").read_text())["shards"]
    return {name: shard["sha256"] for name, shard in known.items()}


def test_it_is_the_same_to_the_byte_with_any_rows_and_processes(config, tmp_path):
    generate(config, 1, tmp_path / "one-v0")
    generate(config, 5, tmp_path / "rows-v0")
    generate(config, 2, tmp_path / "jobs-v0", jobs=2)
    assert len(shards(tmp_path / "one-v0")) == 5
    assert shards(tmp_path / "one-v0") == shards(tmp_path / "rows-v0") == shards(tmp_path / "jobs-v0")


@pytest.mark.parametrize("env", ["Genie1-v0", "Genie2-v0", "Genie3-v0"])
def test_shipped_worlds_bring_the_same_over_200_steps(env, tmp_path):
    options = {} if env == "Genie1-v0" else {"prompt": "a village with two dogs", "action_mode": "keyboard"}
    if env == "Genie3-v0":
        options["size"] = (36, 64)
    steps = 60 if env == "Genie2-v0" else 200  # the slowest; 200 were compared by hand
    config = GenerateConfig(env, 3, "sticky", 1, steps, 4, options)
    for rows in (1, 3):
        generate(config, rows, tmp_path / f"rows{rows}-v0")
    first, second = (h5py.File(tmp_path / f"rows{rows}-v0" / "data" / "main_data.hdf5") for rows in (1, 3))
    for name in first:
        assert np.array_equal(first[name]["observations"], second[name]["observations"])
        assert np.array_equal(first[name]["rewards"], second[name]["rewards"])


def test_what_is_asked_for_in_other_words_than_episodes(config, tmp_path):
    plain = generate(config, 3, tmp_path / "plain-v0")
    counted = generate(replace(config, episodes=None, steps=50), 3, tmp_path / "steps-v0")
    assert 50 <= counted.num_steps < 50 + 12
    timed = generate(replace(config, episodes=None, hours=50 / 15 / 3600), 3, tmp_path / "hours-v0", jobs=2)
    assert timed.num_steps == counted.num_steps  # of a world of 15 frames a second
    assert set(shards(tmp_path / "steps-v0").values()) <= set(shards(tmp_path / "plain-v0").values())
    assert plain.tally["played"] == 10


def test_it_goes_on_until_so_many_reached_their_goal(config, tmp_path):
    wanted = replace(config, episodes=None, successes=3)
    writer = generate(wanted, 3, tmp_path / "successes-v0")
    with h5py.File(tmp_path / "successes-v0" / "data" / "main_data.hdf5") as file:
        assert sorted(file) == ["episode_0", "episode_1", "episode_2"]
        assert all(group.attrs["reached"] for group in file.values())
        assert all(group["terminations"][-1] and group["rewards"][-1] > 0 for group in file.values())
    assert writer.tally["left_out"]["goal not reached"] > 0
    again = generate(wanted, 4, tmp_path / "again-v0", jobs=2)
    assert shards(again.folder) == shards(writer.folder)
    everything = generate(replace(wanted, keep_failures=True), 3, tmp_path / "all-v0")
    assert everything.num_episodes > 3
    assert not everything.tally["left_out"]


def test_a_cluster_whose_node_dies_writes_the_same(config, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from genie_gym.executor.ray_cluster import RayCluster

    config = replace(config, episodes=24)
    generate(config, 2, tmp_path / "local-v0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)
    paths = ":".join(str(Path(__file__).parents[k]) for k in (0, 1))
    try:
        ray.init(address=cluster.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
        executor = RayCluster(2)
        finished = []
        note = executor.run

        def run(*arguments, **options):
            for number, shard in note(*arguments, **options):
                finished.append(number)
                if len(finished) == 2:
                    cluster.remove_node(node, allow_graceful=False)
                    cluster.add_node(num_cpus=1)
                yield number, shard

        executor.run = run
        begun = time.monotonic()
        generate(config, 2, tmp_path / "cluster-v0", executor=executor)
        assert time.monotonic() - begun < 200
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert shards(tmp_path / "local-v0") == shards(tmp_path / "cluster-v0")
