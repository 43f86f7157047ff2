"""What a job and an executor are, and the executor that needs no other process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Worker:
    """What a job is given.

    Args:
        numbers: hands out the next number that nobody else does. check: to be called every now and then; raises
            `KeyboardInterrupt` where the user wants to stop. tick: says that so many more of whatever the user counts are
            done.
    """

    numbers: Iterator[int]
    check: Callable[[], None] = lambda: None
    tick: Callable[[int], None] = lambda count: None


@runtime_checkable
class Job(Protocol[T_co]):
    """Called once in each worker. It takes numbers, as many at a time as it likes, and yields what it made of each, in any
    order; what a number comes to depends on that number alone. To leave this process it must be picklable."""

    def __call__(self, worker: Worker) -> Iterator[tuple[int, T_co]]: ...


@runtime_checkable
class Executor(Protocol):
    """Runs a job on numbers."""

    def run(
        self,
        job: Job[T],
        numbers: Iterable[int],
        check: Callable[[], None] = lambda: None,
        tick: Callable[[int], None] = lambda count: None,
    ) -> Generator[tuple[int, T], None, None]:
        """What the job makes of each number, as it is finished. `numbers` may go on for ever: who has enough closes the
        generator, and all work stops. A worker that dies loses nothing: others do its numbers again. `check` and `tick`: see
        `Worker`; called in this process.

        Raises:
            GenieGymError: workers die again and again. Whatever the job raises is raised here.
        """


class ThisProcess:
    """One worker: this process."""

    def run(
        self,
        job: Job[T],
        numbers: Iterable[int],
        check: Callable[[], None] = lambda: None,
        tick: Callable[[int], None] = lambda count: None,
    ) -> Generator[tuple[int, T], None, None]:
        """See `Executor`."""
        yield from job(Worker(iter(numbers), check, tick))


class Dispenser:
    """Hands numbers out, and knows which are not done.

    Args:
        numbers: all there are. ahead: how many may be handed out from the oldest that is not done on; None: any. It bounds
            what `in_order` has to keep. Only for jobs that take one number at a time: others could wait for numbers that do
            not come before theirs are done.
    """

    def __init__(self, numbers: Iterable[int], ahead: int | None = None):
        self._coming, self._ahead = iter(numbers), ahead
        self._open: dict[int, int] = {}  # those that are not done, and how many were handed out before; the oldest first
        self._again: list[int] = []  # of workers that died
        self._count = 0
        self.is_over = False  # there are no more to come

    def take(self) -> int | None:
        """The next number; None where there is none now."""
        if self._again:
            return self._again.pop(0)
        if self._ahead is not None and self._open and self._count - next(iter(self._open.values())) >= self._ahead:
            return None
        number = next(self._coming, None)
        if number is None:
            self.is_over = True
            return None
        self._open[number] = self._count
        self._count += 1
        return number

    def done(self, number: int) -> bool:
        """Notes it; False where it was done before."""
        return self._open.pop(number, None) is not None

    def give_back(self, numbers: Iterable[int]) -> None:
        """What a worker had taken, and will not do."""
        self._again += sorted(number for number in numbers if number in self._open)


def in_order(results: Iterable[tuple[int, T]], first: int = 0) -> Iterator[T]:
    """Results of consecutive numbers from `first` on, in order. Those that come early are kept until it is their turn."""
    early: dict[int, T] = {}
    for number, result in results:
        early[number] = result
        while first in early:
            yield early.pop(first)
            first += 1
