"""Where visitors play: one world, a row for each, in a thread of its own.

Everything that touches the world happens in that thread; others hand it calls (`ask`).

Legend: H W image.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError
from genie_gym.runtime.engine import Beginning
from genie_gym.runtime.session import MOST_SEED, Frame, RealtimeSession, finite
from genie_gym.runtime.simulated import SimulatorEngine
from genie_gym.runtime.timings import BUDGETS_MS
from genie_gym.text.scenarios import SCENARIOS
from genie_gym.text.tokens import Report
from genie_gym.user_action import UserAction
from genie_gym.web.recorder import Recorder
from genie_gym.web.visitor import Shot, Visitor

T = TypeVar("T")
STATS_EVERY, MAP_EVERY, LABELS_EVERY = 24, 6, 6  # frames
MOST_WAITING = 200  # visitors
SAVED = 8  # moments that a visitor keeps under a name


@dataclass
class Seat:
    """A visitor who plays: the row is the seat's place among all."""

    visitor: Visitor
    saved: dict[int, Any]
    kept: int = 0
    recorder: Recorder | None = None
    told_full: bool = False
    beside: SimulatorEngine | None = None
    labels: bool = False


class House:
    """Args: `most` visitors play at once; who does nothing for `idle_minutes` leaves."""

    def __init__(self, session: RealtimeSession, beginning: Beginning, most: int = 4, idle_minutes: float = 10.0,
                 simulator: str = "", env_id: str = ""):  # fmt: skip
        self.session, self.beginning, self.most, self.idle = session, beginning, most, idle_minutes * 60
        self.simulator, self.env_id = simulator, env_id
        self.seats: list[Seat] = []
        self.waiting: list[Visitor] = []
        self.failure, self._closing, self._ended = "", False, False
        self._calls: queue.Queue[tuple[Callable[[], Any], Future[Any]] | None] = queue.Queue(maxsize=4096)
        self._seeds = beginning.seed
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)

    def start(self) -> None:
        """Opens it, once everything is warm."""
        self._thread.start()
        self.ask(self._warm).result()

    def close(self) -> None:
        """Ends the thread; what was asked for and not done yet is not done any more."""
        self._closing = True
        with suppress(queue.Full):
            self._calls.put_nowait(None)
        self._thread.join(timeout=10)

    def ask(self, call: Callable[[], T]) -> Future[T]:
        """Has the world's thread do something before its next frame. Never waits: what cannot be asked for fails.

        The future raises `GenieGymError` where the world has stopped, or has too much to do.
        """
        future: Future[T] = Future()
        try:
            if self._ended:
                raise GenieGymError(self.failure or "the world is closed.")
            self._calls.put_nowait((call, future))
        except (GenieGymError, queue.Full) as error:
            future.set_exception(error if isinstance(error, GenieGymError) else GenieGymError("too much is asked for."))
        return future

    # In the world's thread

    def _run(self) -> None:
        try:
            while self._take_calls():
                if not self.seats:
                    continue
                self.session.beat.wait()
                self._frame()
        except Exception as error:  # what nobody expected: everyone is told, instead of a picture that stands still
            self.failure = f"the world stopped: {type(error).__name__}: {error}"
            for visitor in [*(seat.visitor for seat in self.seats), *self.waiting]:
                visitor.tell("failed", text=self.failure)
            raise
        finally:
            self._ended = True
            self._refuse_calls()
            for seat in self.seats:
                self._tidy(seat)
            self.session.close()

    def _refuse_calls(self) -> None:
        with suppress(queue.Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    _refuse(call[1], self.failure or "the world is closed.")

    def _take_calls(self) -> bool:
        """Does what is asked for; waits for it where nobody plays. False at the end."""
        waits = not self.seats
        while True:
            try:
                call = self._calls.get(block=waits)
            except queue.Empty:
                return True
            if call is None:
                return False
            done, future = call
            waits = False
            if self._closing:
                _refuse(future, "the world is closed.")
                return False
            if not future.set_running_or_notify_cancel():  # who asked is gone
                continue
            try:
                result = done()
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    def _warm(self) -> None:
        row = self.session.join(self.beginning)
        self.session.warm_up()
        self.session.next_frames()
        self.session.leave(row)
        self.session.timings.clear()

    def _frame(self) -> None:
        now = time.monotonic()
        for seat in [one for one in self.seats if now - one.visitor.acted > self.idle]:
            seat.visitor.tell("idle", minutes=round(self.idle / 60, 1))
            self._leave(seat.visitor)
        if not self.seats:
            return
        users = [player.action for player in self.session.players]
        happened = [list(player.events) for player in self.session.players]
        frames = self.session.next_frames()
        for row, (seat, frame, user, events) in enumerate(zip(self.seats, frames, users, happened, strict=True)):
            if frame is None:
                continue
            if frame.action is not None:
                del self.session.players[row].events[: len(events)]
                self._record_frame(seat, frame, events)
            self._show(row, seat, frame, user)

    def _record_frame(self, seat: Seat, frame: Frame, events: list[str]) -> None:
        """Adds a frame to what a visitor records; a disk that is full ends the recording, and nothing else."""
        if seat.recorder is None:
            return
        try:
            seat.recorder.add(frame, events)
        except OSError as error:
            self._put_aside(seat, f"The recording ended: {error}.")
            return
        if seat.recorder.is_full and not seat.told_full:
            seat.told_full = True
            seat.visitor.tell("record", on=True, text="The recording is complete: download it.")

    def _show(self, row: int, seat: Seat, frame: Frame, user: UserAction) -> None:
        session, visitor = self.session, seat.visitor
        header: dict[str, Any] = {
            "frame": frame.number, "stamp": frame.stamp, "score": round(frame.score, 2),
            "paused": session.players[row].paused,
            "ms": finite({name: session.timings.last_ms(name) for name in BUDGETS_MS}),
        }  # fmt: skip
        if frame.over:
            header["over"] = True
        anew = frame.action is None
        seen = session.engine.map(row) if anew or frame.number % MAP_EVERY == 0 else None
        if seen is not None:
            header["map"] = {"half": seen.half, "player": seen.player, "things": seen.things}
        if seat.labels and (anew or frame.number % LABELS_EVERY == 0):
            found = session.engine.labels(row)
            header["labels"] = [[one.name, round(one.x, 3), round(one.y, 3), round(one.metres, 1)] for one in found]
        if frame.number % STATS_EVERY == 0:
            header["stats"] = session.told() | {"moments": session.moments(row), "left_out": visitor.left_out}
        visitor.offer(Shot(frame.image, header), None if anew else self._step_beside(row, seat, user))

    def _step_beside(self, row: int, seat: Seat, user: UserAction) -> Shot | None:
        """The simulator's next frame; where it fails it goes away, and nothing else does."""
        if seat.beside is None:
            return None
        try:
            told = seat.beside.step(seat.beside.act([user]), [True])
            if told[0].over:
                self._again_beside(row, seat)
            return Shot(seat.beside.look(0), {"beside": seat.beside.name})
        except Exception as error:
            seat.beside.close()
            seat.beside = None
            seat.visitor.tell("refused", text=f"the simulator beside stopped: {error}")
            return None

    # What visitors do: called in the world's thread, through `ask`

    def come(self, visitor: Visitor) -> None:
        """Somebody opens the page: plays, or waits."""
        if visitor.over:  # and has closed it again
            return
        if len(self.seats) < self.most:
            self._sit(visitor)
        elif len(self.waiting) < MOST_WAITING:
            self.waiting.append(visitor)
            self._tell_waiting()
        else:
            visitor.tell("failed", text="Too many wait already; come back later.")
            visitor.over = True

    def _sit(self, visitor: Visitor) -> None:
        beginning = Beginning(self.beginning.prompt, self.beginning.image, self._seeds, self.beginning.task)
        self._seeds += 1
        row = self.session.join(beginning)
        if not self.seats:
            self.session.beat.restart()
        self.seats.append(Seat(visitor, {}))
        visitor.acted = time.monotonic()
        visitor.tell("welcome", **self._welcome(row))

    def _welcome(self, row: int) -> dict[str, Any]:
        session, engine = self.session, self.session.engine
        player = session.players[row]
        scenarios = engine.takes_events and engine.has_map
        return session.told() | {
            "keys": list(engine.keys), "views": list(engine.views), "budgets": dict(BUDGETS_MS),
            "takes_prompts": engine.takes_prompts, "takes_images": engine.takes_images, "takes_events": engine.takes_events,
            "takes_mouse": engine.takes_mouse, "walks_by_itself": engine.walks_by_itself, "can_rewind": engine.can_rewind,
            "has_map": engine.has_map, "simulator": self.simulator, "prompt": player.beginning.prompt,
            "seed": player.beginning.seed, "report": told(player.report), "can_record": bool(self.env_id),
            "scenarios": [[one.name, one.use, one.prompt, one.about] for one in SCENARIOS.values()] if scenarios else [],
        }  # fmt: skip

    def go(self, visitor: Visitor) -> None:
        """Somebody has closed the page."""
        if visitor in self.waiting:
            self.waiting.remove(visitor)
            self._tell_waiting()
        else:
            self._leave(visitor)

    def _leave(self, visitor: Visitor) -> None:
        row = self.row_of(visitor)
        if row is None:
            return
        self._tidy(self.seats.pop(row))
        visitor.over = True
        self.session.leave(row)
        while self.waiting and len(self.seats) < self.most:
            following = self.waiting.pop(0)
            try:
                self._sit(following)
            except GenieGymError as error:
                following.tell("failed", text=str(error))
        self._tell_waiting()

    def _tidy(self, seat: Seat) -> None:
        if seat.recorder is not None:
            seat.recorder.discard()
        if seat.beside is not None:
            seat.beside.close()
        seat.recorder = seat.beside = None

    def _tell_waiting(self) -> None:
        now = time.monotonic()
        left = sorted(max(0.0, self.idle - (now - seat.visitor.acted)) for seat in self.seats)
        for number, visitor in enumerate(self.waiting):
            seconds = left[min(number, len(left) - 1)] if left else 0.0
            visitor.tell("wait", place=number + 1, players=len(self.seats), seconds=round(seconds))

    def row_of(self, visitor: Visitor) -> int | None:
        return next((row for row, seat in enumerate(self.seats) if seat.visitor is visitor), None)

    def seat_of(self, visitor: Visitor) -> tuple[int, Seat]:
        """Raises `GenieGymError` where the visitor does not play."""
        row = self.row_of(visitor)
        if row is None:
            raise GenieGymError("you are not playing now.")
        return row, self.seats[row]

    def command(self, visitor: Visitor, name: str, value: Any) -> dict[str, Any]:
        """Does what a button asks for, and says what came of it.

        Raises:
            GenieGymError: it cannot be done.
        """
        row, seat = self.seat_of(visitor)
        session = self.session
        match name:
            case "reset":
                session.reset(row, int(value) if _is_count(value) else None)
                self._began_anew(row, seat)
                return {"seed": session.players[row].beginning.seed}
            case "pause" | "resume":
                session.pause(name == "pause", row)
            case "step":
                session.pause(True, row, 1)
            case "rewind":
                frame = session.rewind(int(value) if _is_count(value) else 0, row)
                self._whole_play(seat)
                return {"frame": frame}
            case "save":
                number = seat.kept % SAVED
                seat.saved[number], seat.kept = session.save(row), seat.kept + 1
                return {"saved": number, "frame": session.players[row].number}
            case "load":
                if not _is_count(value) or value not in seat.saved:
                    raise GenieGymError("there is no such saved moment.")
                session.load(seat.saved[value], row)
                self._whole_play(seat)
                return {"frame": session.players[row].number}
            case "by_itself":
                session.by_itself(bool(value), row)
            case "view":
                seat.labels = value == "labels"
                session.look_at("rgb" if seat.labels else str(value), row)
            case "scenario":
                return self._scenario(row, seat, str(value))
            case "record":
                self._record(row, seat)
            case "beside":
                self._beside(row, seat, bool(value))
        return {}

    def prompt(self, visitor: Visitor, text: str, seed: int | None) -> dict[str, Any]:
        """Begins another world for a visitor."""
        row, seat = self.seat_of(visitor)
        report = self.session.prompt(text, row, seed)
        self._began_anew(row, seat)
        return {"report": told(report), "seed": self.session.players[row].beginning.seed}

    def image(self, visitor: Visitor, picture: UInt8[np.ndarray, "H W 3"]) -> None:
        """Begins a visitor's world in a picture."""
        row, seat = self.seat_of(visitor)
        self.session.image(picture, row)
        self._began_anew(row, seat)

    def _began_anew(self, row: int, seat: Seat) -> None:
        self._whole_play(seat)
        self._again_beside(row, seat)

    def _scenario(self, row: int, seat: Seat, name: str) -> dict[str, Any]:
        if name not in SCENARIOS:
            raise GenieGymError(f"there is no scenario {name!r:.40}.")
        one, seed = SCENARIOS[name], self.session.players[row].beginning.seed
        report = self.session.begin(Beginning(one.prompt, None, seed, one.task, one.rules), row)
        self._began_anew(row, seat)
        return {"report": told(report), "prompt": one.prompt, "about": one.about, "seed": seed}

    def _record(self, row: int, seat: Seat) -> None:
        if not self.env_id:
            raise GenieGymError("plays of this world cannot be recorded as a dataset.")
        self._whole_play(seat)
        player = self.session.players[row]
        seat.recorder, seat.told_full = Recorder(self.session.engine.look(row), player.beginning), False

    def finish(self, visitor: Visitor) -> Recorder:
        """The visitor's recording, which ends."""
        _, seat = self.seat_of(visitor)
        if seat.recorder is None or not seat.recorder.steps:
            raise GenieGymError("nothing was recorded yet.")
        recorder, seat.recorder = seat.recorder, None
        return recorder

    def _whole_play(self, seat: Seat) -> None:
        """A recording is of one play: where another begins, it is put aside."""
        if seat.recorder is not None:
            self._put_aside(seat, "The recording ended with the play that it was of; nothing was kept.")

    def _put_aside(self, seat: Seat, why: str) -> None:
        assert seat.recorder is not None
        seat.recorder.discard()
        seat.recorder = None
        seat.visitor.tell("record", on=False, text=why)

    def _beside(self, row: int, seat: Seat, on: bool) -> None:
        if seat.beside is not None:
            seat.beside.close()
            seat.beside = None
        if on:
            if not self.simulator:
                raise GenieGymError("this world has no simulator to be shown beside it.")
            engine = SimulatorEngine(self.simulator)
            try:
                engine.join(self._beside_beginning(row, engine))
            except BaseException:
                engine.close()
                raise
            seat.beside = engine

    def _again_beside(self, row: int, seat: Seat) -> None:
        """The simulator's world begins as the visitor's does: of the same prompt, as it lays it out itself. Where it
        refuses, it goes away."""
        if seat.beside is None:
            return
        try:
            seat.beside.restart(0, self._beside_beginning(row, seat.beside))
        except GenieGymError as error:
            seat.beside.close()
            seat.beside = None
            seat.visitor.tell("refused", text=f"the simulator beside stopped: {error}")

    def _beside_beginning(self, row: int, engine: SimulatorEngine) -> Beginning:
        player = self.session.players[row].beginning
        return Beginning(player.prompt if engine.takes_prompts else "", None, player.seed % 2**31)


def told(report: Report | None) -> dict[str, list[str]] | None:
    """What became of a text, as the page shows it."""
    if report is None:
        return None
    return {"understood": list(report.understood), "ignored": list(report.ignored), "assumed": list(report.assumed)}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_SEED


def _refuse(future: Future[Any], why: str) -> None:
    """Tells who waits for it, if anybody still does, that it will not be done."""
    if future.set_running_or_notify_cancel():
        future.set_exception(GenieGymError(why))
