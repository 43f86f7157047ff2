"""The thread that a world runs in: frames one after the other, and between them what others ask for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from genie_gym.errors import GenieGymError

T = TypeVar("T")
MOST_CALLS = 4096  # that wait at once


class WorldThread:
    """Makes frames, and does what is asked for between them.

    Args:
        frame: makes one, when it is time for it. is_idle: whether there is nobody to see one: then calls are waited for.
        at_end: called last, in the thread, with what went wrong, or with "".
    """

    def __init__(self, frame: Callable[[], None], is_idle: Callable[[], bool], at_end: Callable[[str], None]):
        self._frame, self._is_idle, self._at_end = frame, is_idle, at_end
        self._failure, self._closing, self._ended = "", False, False
        self._calls: queue.Queue[tuple[Callable[[], Any], Future[Any]] | None] = queue.Queue(maxsize=MOST_CALLS)
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; what was asked for and not done yet is not done any more."""
        self._closing = True
        with suppress(queue.Full):
            self._calls.put_nowait(None)
        self._thread.join(timeout=10)

    def ask(self, call: Callable[[], T]) -> Future[T]:
        """Has something done before the next frame. Never waits: what cannot be asked for fails.

        The future raises `GenieGymError` where the world has stopped, or has too much to do.
        """
        future: Future[T] = Future()
        try:
            if self._ended:
                raise GenieGymError(self._why())
            self._calls.put_nowait((call, future))
        except (GenieGymError, queue.Full) as error:
            future.set_exception(error if isinstance(error, GenieGymError) else GenieGymError("too much is asked for."))
        return future

    def _run(self) -> None:
        try:
            while self._take_calls():
                if not self._is_idle():
                    self._frame()
        except Exception as error:  # what nobody expected: everyone is told, instead of a picture that stands still
            self._failure = f"the world stopped: {type(error).__name__}: {error}"
            raise
        finally:
            self._ended = True
            self._refuse_calls()
            self._at_end(self._failure)

    def _take_calls(self) -> bool:
        """Does what is asked for. False at the end."""
        waits = self._is_idle()
        while True:
            try:
                call = self._calls.get(block=waits)
            except queue.Empty:
                return True
            if call is None:
                return False
            waits = False
            if self._closing:
                _refuse(call[1], self._why())
                return False
            _do(*call)

    def _refuse_calls(self) -> None:
        with suppress(queue.Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    _refuse(call[1], self._why())

    def _why(self) -> str:
        return self._failure or "the world is closed."


def _do(call: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():  # who asked is gone
        return
    try:
        result = call()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _refuse(future: Future[Any], why: str) -> None:
    """Tells who waits for it, if anybody still does, that it will not be done."""
    if future.set_running_or_notify_cancel():
        future.set_exception(GenieGymError(why))
