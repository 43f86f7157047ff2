"""Workers that are processes of this machine."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from genie_gym.errors import GenieGymError
from genie_gym.executor.core import Dispenser, Job, Worker

T = TypeVar("T")
NEXT, DONE, TICK, OVER, FAILED = "next", "done", "tick", "over", "failed"  # what a worker says
PATIENCE = 0.2  # seconds between two looks at whether the user wants to stop


@dataclass
class _Process:
    process: Any
    taken: set[int] = field(default_factory=set)
    is_asking: bool = False


class LocalProcesses:
    """Args:
    count: of processes; the processor's cores are shared among them. ahead: see `Dispenser`. deaths: of workers that are
        borne; each is replaced.
    """

    def __init__(self, count: int, ahead: int | None = None, deaths: int = 3):
        if count < 1:
            raise GenieGymError(f"there is at least one process; got {count}.")
        self.count, self.ahead, self.deaths = count, ahead, deaths

    def run(
        self,
        job: Job[T],
        numbers: Iterable[int],
        check: Callable[[], None] = lambda: None,
        tick: Callable[[int], None] = lambda count: None,
    ) -> Generator[tuple[int, T], None, None]:
        """See `Executor`."""
        dispenser = Dispenser(numbers, self.ahead)
        packed = _packed(job)
        workers = dict(_begin(packed, self.count) for _ in range(self.count))
        deaths = 0
        try:
            while workers:
                check()
                for pipe in connection.wait(list(workers), PATIENCE):
                    assert isinstance(pipe, Connection)
                    worker = workers[pipe]
                    try:
                        kind, *said = pipe.recv()
                    except (EOFError, OSError):
                        del workers[pipe]
                        worker.process.join()
                        deaths += 1
                        if deaths > self.deaths:
                            raise GenieGymError(_died(deaths, worker.process.exitcode)) from None
                        dispenser.give_back(worker.taken)
                        workers |= [_begin(packed, self.count)]
                        continue
                    if kind == NEXT:
                        worker.is_asking = True
                    elif kind == DONE:
                        worker.taken.discard(said[0])
                        if dispenser.done(said[0]):
                            yield said[0], said[1]
                    elif kind == TICK:
                        tick(said[0])
                    elif kind == FAILED:
                        raise said[0]
                    else:
                        del workers[pipe]
                        pipe.close()
                        worker.process.join()
                _answer(workers, dispenser)
        finally:
            for pipe, worker in workers.items():
                worker.process.terminate()
                pipe.close()
            for worker in workers.values():
                worker.process.join()


def _answer(workers: dict[Connection, _Process], dispenser: Dispenser) -> None:
    """Gives numbers to those who ask, as far as there are any; at the end of all says so."""
    for pipe, worker in workers.items():
        if not worker.is_asking:
            continue
        number = dispenser.take()
        if number is None and not (dispenser.is_over and _nobody_else(worker, workers)):
            continue
        worker.is_asking = False
        if number is not None:
            worker.taken.add(number)
        with suppress(OSError):  # it has died meanwhile; its end of the pipe will say so
            pipe.send(number)


def _nobody_else(worker: _Process, workers: dict[Connection, _Process]) -> bool:
    """Whether no other worker can die and leave something to do: who has numbers of its own is told at once that there are
    no more, so that it finishes them."""
    return bool(worker.taken) or not any(other.taken for other in workers.values())


def _begin(packed: bytes, count: int) -> tuple[Connection, _Process]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, packed, count), daemon=True)
    process.start()
    theirs.close()
    return ours, _Process(process)


def _packed(job: Any) -> bytes:
    try:
        return pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise GenieGymError(f"this cannot be given to other processes ({error}); do it in one: --jobs 1.") from error


def _died(deaths: int, code: int | None) -> str:
    return f"worker processes died {deaths} times, the last one with exit code {code}; is there memory enough?"


# In the worker


def _work(pipe: Connection, packed: bytes, count: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    share_cores(count)
    try:
        import genie_gym  # noqa: F401  (registers the ids in this new process)

        job: Job[Any] = pickle.loads(packed)  # what the parent has just packed
        for number, result in job(Worker(_numbers(pipe), tick=lambda count: pipe.send((TICK, count)))):
            pipe.send((DONE, number, result))
        pipe.send((OVER,))
    except (EOFError, BrokenPipeError):  # the parent is gone
        os._exit(1)
    except BaseException as error:
        _tell_failure(pipe, error)


def _numbers(pipe: Connection) -> Iterator[int]:
    """Numbers from the parent. The next one is asked for early, so that nobody waits for it."""
    pipe.send((NEXT,))
    while (number := pipe.recv()) is not None:
        pipe.send((NEXT,))
        yield number


def share_cores(count: int) -> None:
    """Has torch and numba, which are not loaded yet, use this process's share of the cores."""
    share = str(max(1, (os.cpu_count() or 1) // count))
    os.environ.update(OMP_NUM_THREADS=share, NUMBA_NUM_THREADS=share)


def _tell_failure(pipe: Connection, error: BaseException) -> None:
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # some exceptions can be packed and not unpacked
    except Exception:
        error = GenieGymError(f"a worker process failed: {type(error).__name__}: {error}")
    with suppress(OSError):
        pipe.send((FAILED, error))
