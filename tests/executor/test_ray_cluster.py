"""Work on a Ray cluster of several nodes on one machine."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from genie_gym.errors import GenieGymError
from genie_gym.executor import Worker
from genie_gym.executor.ray_cluster import RayCluster

ray = pytest.importorskip("ray")


@dataclass(frozen=True)
class Squares:
    folder: Path
    dies_at: int | None = None
    fails_at: int | None = None

    def __call__(self, worker: Worker):
        for number in worker.numbers:
            if number == self.fails_at:
                raise GenieGymError("seven is too many.")
            if number == self.dies_at and not list(self.folder.iterdir()):
                (self.folder / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            worker.tick(2)
            yield number, number**2


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    here = str(Path(__file__).parent)
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
    ray.init(address=found.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": here}})
    yield found
    ray.shutdown()
    found.shutdown()


def test_everything_is_done_though_a_worker_dies(cluster, tmp_path):
    ticks = []
    found = dict(RayCluster(2).run(Squares(tmp_path, dies_at=4), range(10), tick=ticks.append))
    assert found == {number: number**2 for number in range(10)}
    assert (tmp_path / "died").exists()
    assert sum(ticks) >= 20


def test_what_a_job_raises_is_raised_here(cluster, tmp_path):
    with pytest.raises(GenieGymError, match="seven is too many"):
        list(RayCluster(2).run(Squares(tmp_path, fails_at=7), range(20)))
