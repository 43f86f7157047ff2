import json
import os
import signal
import subprocess
import sys
import time

import pytest

from genie_gym.cli import main
from genie_gym.errors import GenieGymError
from genie_gym.evaluation import bench_busy as module


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def test_it_measures_alone_and_beside(monkeypatch, world_folder, tmp_path):
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "SECONDS", 0.2)
    before = children()
    arguments = ["bench", "--busy", "1", "--num-envs", "2", "--device", "cpu", "--option", "world", str(world_folder)]
    assert main([*arguments, "--json", str(tmp_path / "out.json")]) == 0
    results = json.loads((tmp_path / "out.json").read_text())
    for setting in ("", "spinning_"):
        for where in ("alone", "beside"):
            assert results[f"{setting}frames_per_second_{where}"] > 0
    assert (results["num_envs"], results["busy"]) == (2, 1)
    assert results["cores"] >= 1
    assert children() == before


def test_the_neighbours_work_and_go_whatever_happens():
    before = children()

    def interrupted():
        with module._busy_processes(3):
            begun = set(children()) - set(before)
            assert len(begun) == 3
            deadline = time.time() + 30
            while time.time() < deadline and not all(seconds_of(pid) > 0.05 for pid in begun):
                time.sleep(0.05)
            assert all(seconds_of(pid) > 0.05 for pid in begun)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert children() == before


def test_neighbours_do_not_outlive_a_bench_that_is_killed():
    code = """
import os, time
from genie_gym.evaluation import bench_busy as module
with module._busy_processes(1):
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        print(file.read().split()[0], flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    neighbour = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.time() + 30
    while time.time() < deadline and seconds_of(neighbour) >= 0:
        time.sleep(0.05)
    assert seconds_of(neighbour) < 0


def seconds_of(pid: int) -> float:
    """Processor time that a process has used; -1 once it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *fields = file.read().rpartition(") ")[2].split()
    except OSError:
        return -1.0
    return -1.0 if state == "Z" else (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")


def test_what_it_does_not_take(world_folder):
    with pytest.raises(GenieGymError, match="no learned world"):
        module.bench_busy("CartPole-v1", 2, 1)
    with pytest.raises(GenieGymError, match="from 1 to 256; got -1"):
        module.bench_busy("Genie1-v0", 2, -1)
    with pytest.raises(GenieGymError, match="unknown world 'nowhere'"):
        module.bench_busy("Genie1-v0", 2, 1, env_kwargs={"world": "nowhere"})
    with pytest.raises(GenieGymError, match="does not take these options"):
        module.bench_busy("Genie1-v0", 2, 1, env_kwargs={"wings": 2})
