"""Workers that are actors of a Ray cluster: on this machine, or on many.

`pip install 'genie-gym[ray]'`. What jobs write must be seen by all: a folder that the machines share.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from genie_gym.errors import GenieGymError
from genie_gym.executor.core import Dispenser, Job, Worker

T = TypeVar("T")
PATIENCE = 0.2  # seconds between two looks at whether the user wants to stop
WAIT = 0.05  # seconds after which a worker asks again for a number, where there is none now


class RayCluster:
    """Args:
        count: of workers. address: of a cluster ("auto", "ray://head:10001"); None begins one on this machine. cpus, gpus:
            that each worker is given. deaths: of workers that are borne; each is replaced, on another machine if need be.

    Raises:
        GenieGymError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, count: int, address: str | None = None, cpus: float = 1, gpus: float = 0, deaths: int | None = None):
        if count < 1:
            raise GenieGymError(f"there is at least one worker; got {count}.")
        try:
            import ray
        except ImportError:
            raise GenieGymError("clusters need Ray: pip install 'genie-gym[ray]'.") from None
        self._ray: Any = ray
        self.count, self.cpus, self.gpus = count, cpus, gpus
        self.deaths = 3 * count if deaths is None else deaths
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, include_dashboard=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise GenieGymError(f"there is no Ray cluster at {address or 'this machine'}: {error}.") from error

    def run(
        self,
        job: Job[T],
        numbers: Iterable[int],
        check: Callable[[], None] = lambda: None,
        tick: Callable[[int], None] = lambda count: None,
    ) -> Generator[tuple[int, T], None, None]:
        """See `Executor`."""
        ray = self._ray
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        desk = ray.remote(num_cpus=0, scheduling_strategy=here)(_Desk).remote()  # it must outlive all workers
        dispenser, packed = Dispenser(numbers), pickle.dumps(job)
        actor = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_restarts=0, max_task_retries=0)(_Actor)
        running: dict[Any, tuple[int, Any]] = {}  # what a worker's work will come to, its name, and itself
        taken: dict[int, set[int]] = {}
        names = iter(range(10**9))

        def begin() -> None:
            name, one = next(names), actor.remote()
            running[one.work.remote(name, packed, desk)] = (name, one)
            taken[name] = set()

        for _ in range(self.count):
            begin()
        deaths = 0
        try:
            while running:
                check()
                ready, _ = ray.wait(list(running), timeout=PATIENCE)
                asking, said = ray.get(desk.said.remote())
                for name, kind, number, result in said:
                    if kind == "tick":
                        tick(number)
                    elif name in taken:
                        taken[name].discard(number)
                        if dispenser.done(number):
                            yield number, result
                for reference in ready:
                    name, _ = running.pop(reference)
                    left = taken.pop(name)
                    try:
                        ray.get(reference)
                    except (ray.exceptions.RayActorError, ray.exceptions.ActorUnavailableError) as error:
                        deaths += 1
                        if deaths > self.deaths:
                            raise GenieGymError(f"workers on the cluster died {deaths} times: {error}.") from error
                        dispenser.give_back(left)
                        begin()
                    except ray.exceptions.RayTaskError as error:
                        raise error.cause if isinstance(error.cause, GenieGymError) else error from None
                self._answer(desk, dispenser, taken, [name for name in asking if name in taken])
        finally:
            for _, one in running.values():
                ray.kill(one)
            ray.kill(desk)

    def _answer(self, desk: Any, dispenser: Dispenser, taken: dict[int, set[int]], asking: list[int]) -> None:
        """Gives numbers to those who ask. At the end who has some is told so, and who has none waits while others work: they
        might die."""
        answers: dict[int, int | None] = {}
        for name in asking:
            number = dispenser.take()
            if number is not None:
                taken[name].add(number)
                answers[name] = number
            elif dispenser.is_over and (taken[name] or not any(taken.values())):
                answers[name] = None
        if answers:
            self._ray.get(desk.answer.remote(answers))


class _Desk:
    """An actor where workers ask for numbers and leave what they made, and the caller looks every now and then."""

    def __init__(self) -> None:
        self._asking: dict[int, None] = {}
        self._answers: dict[int, int | None] = {}
        self._said: deque[tuple[int, str, int, Any]] = deque()

    def ask(self, name: int) -> tuple[bool, int | None]:
        """Whether there is an answer, and what it is: a number, or None at the end."""
        if name in self._answers:
            self._asking.pop(name, None)
            return True, self._answers.pop(name)
        self._asking[name] = None
        return False, None

    def say(self, name: int, kind: str, number: int, result: Any = None) -> None:
        self._said.append((name, kind, number, result))

    def said(self) -> tuple[list[int], list[tuple[int, str, int, Any]]]:
        """Who asks, and what was said since."""
        said, self._said = list(self._said), deque()
        return [name for name in self._asking if name not in self._answers], said

    def answer(self, answers: dict[int, int | None]) -> None:
        self._answers.update(answers)


class _Actor:
    """An actor that does a job."""

    def work(self, name: int, packed: bytes, desk: Any) -> None:
        import ray

        import genie_gym  # noqa: F401  (registers the ids in this new process)

        job: Job[Any] = pickle.loads(packed)  # what the caller has just packed

        def numbers() -> Iterator[int]:
            while True:
                there, number = ray.get(desk.ask.remote(name))
                if not there:
                    time.sleep(WAIT)
                elif number is None:
                    return
                else:
                    yield number

        def tick(count: int) -> None:
            desk.say.remote(name, "tick", count)

        for number, result in job(Worker(numbers(), tick=tick)):
            ray.get(desk.say.remote(name, "done", number, result))
