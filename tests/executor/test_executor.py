"""Work by numbers, in this process and in others."""

import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from genie_gym.errors import GenieGymError
from genie_gym.executor import LocalProcesses, ThisProcess, in_order


@dataclass(frozen=True)
class Squares:
    """Takes some numbers at a time. Dies, or fails, at one of them, as often as a folder has room for."""

    at_once: int = 1
    dies_at: int | None = None
    fails_at: int | None = None
    deaths: int = 1
    folder: Path = Path()
    seconds: float = 0.0

    def __call__(self, worker):
        while batch := list(itertools.islice(worker.numbers, self.at_once)):
            worker.check()
            worker.tick(len(batch))
            for number in reversed(batch):
                time.sleep(self.seconds * (number % 3))
                if number == self.fails_at:
                    raise GenieGymError("seven is too many.")
                if number == self.dies_at and len(list(self.folder.iterdir())) < self.deaths:
                    (self.folder / str(os.getpid())).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                yield number, number**2


def executors():
    return [ThisProcess(), LocalProcesses(1), LocalProcesses(2), LocalProcesses(3, ahead=4)]


@pytest.mark.parametrize("executor", executors(), ids=["here", "one", "two", "three"])
@pytest.mark.parametrize("at_once", [1, 3])
def test_every_number_is_done_once_and_comes_in_order(executor, at_once):
    if at_once > 1 and getattr(executor, "ahead", None) is not None:
        pytest.skip("only for jobs that take one at a time")
    job = Squares(at_once, seconds=0.005)
    ticks = []
    assert list(in_order(executor.run(job, range(20), tick=ticks.append))) == [number**2 for number in range(20)]
    assert sum(ticks) == 20
    assert list(executor.run(job, [])) == []
    assert dict(executor.run(job, [7, 3])) == {7: 49, 3: 9}


@pytest.mark.parametrize("executor", executors(), ids=["here", "one", "two", "three"])
def test_who_has_enough_stops_it(executor):
    results = executor.run(Squares(), itertools.count())
    assert list(itertools.islice(in_order(results), 5)) == [0, 1, 4, 9, 16]
    results.close()


def test_what_a_dead_worker_had_taken_others_do_again(tmp_path):
    job = Squares(2, dies_at=5, folder=tmp_path)
    assert dict(LocalProcesses(2).run(job, range(12))) == {number: number**2 for number in range(12)}
    assert len(list(tmp_path.iterdir())) == 1


def test_who_dies_again_and_again_is_told(tmp_path):
    job = Squares(dies_at=2, deaths=99, folder=tmp_path)
    with pytest.raises(GenieGymError, match=r"died 3 times.*-9.*memory"):
        list(LocalProcesses(2, deaths=2).run(job, range(6)))


@pytest.mark.parametrize("executor", [ThisProcess(), LocalProcesses(2)], ids=["here", "two"])
def test_what_a_job_raises_is_raised_here(executor):
    with pytest.raises(GenieGymError, match="seven is too many"):
        list(executor.run(Squares(fails_at=7), range(20)))


def test_who_wants_to_stop_is_heard():
    begun = time.monotonic()

    def stop():
        if time.monotonic() - begun > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(LocalProcesses(2).run(Squares(seconds=1.0), itertools.count(), stop))


def test_no_number_is_handed_out_too_far_ahead():
    early = 0
    kept = set()
    for number, _ in LocalProcesses(3, ahead=4).run(Squares(seconds=0.01), range(30)):
        kept.add(number)
        done = next(k for k in itertools.count() if k not in kept)
        early = max(early, len([k for k in kept if k > done]))
    assert early < 4


def test_what_cannot_leave_this_process_is_told():
    with pytest.raises(GenieGymError, match="--jobs 1"):
        list(LocalProcesses(2).run(lambda worker: iter(()), range(3)))
