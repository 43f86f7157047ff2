"""Where visitors play: one world, a row for each.

Everything that touches the world happens in its thread; others hand it calls (`ask`).

Legend: H W image.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError
from genie_gym.runtime.engine import Beginning, NamedStart
from genie_gym.runtime.session import MOST_SEED, Frame, RealtimeSession, finite
from genie_gym.runtime.timings import BUDGETS_MS
from genie_gym.text.tokens import Report
from genie_gym.user_action import UserAction
from genie_gym.visual import png_bytes
from genie_gym.web.beside import Beside
from genie_gym.web.recorder import Recorder
from genie_gym.web.visitor import Shot, Visitor
from genie_gym.web.world_thread import WorldThread

STATS_EVERY, MAP_EVERY, SCENE_EVERY = 24, 6, 6  # frames
MOST_WAITING = 200  # visitors
TELL_WAITING = 5.0  # seconds after which those who wait are told anew how long
SAVED = 8  # moments that a visitor keeps under a name


@dataclass
class Seat:
    """A visitor who plays: the row is the seat's place among all."""

    visitor: Visitor
    saved: dict[int, Any]
    kept: int = 0
    recorder: Recorder | None = None
    told_full: bool = False
    beside: Beside | None = None
    scene: bool = False
    """Whether the scene graph is shown over the picture."""


class House:
    """Args: `most` visitors play at once; who does nothing for `idle_minutes` leaves."""

    def __init__(self, session: RealtimeSession, beginning: Beginning, most: int = 4, idle_minutes: float = 10.0,
                 simulator: str = "", env_id: str = ""):  # fmt: skip
        self.session, self.beginning, self.most, self.idle = session, beginning, most, idle_minutes * 60
        self.simulator, self.env_id = simulator, env_id
        self.seats: list[Seat] = []
        self.waiting: list[Visitor] = []
        self.starts: list[NamedStart] = []
        self._told_waiting = 0.0
        self._seeds = beginning.seed
        self._thread = WorldThread(self._frame, lambda: not self.seats, self._end)
        self.ask = self._thread.ask

    def start(self) -> None:
        """Opens it, once everything is warm."""
        self._thread.start()
        self.ask(self._warm).result()

    def close(self) -> None:
        """Ends it; what was asked for and not done yet is not done any more."""
        self._thread.close()

    # In the world's thread

    def _end(self, failure: str) -> None:
        for visitor in [*(seat.visitor for seat in self.seats), *self.waiting] if failure else []:
            visitor.tell("failed", text=failure)
        for seat in self.seats:
            self._tidy(seat)
        self.session.close()

    def _warm(self) -> None:
        self.starts = self.session.engine.starts()
        row = self.session.join(self.beginning)
        self.session.warm_up()
        self.session.next_frames()
        self.session.leave(row)
        self.session.timings.clear()

    def _frame(self) -> None:
        self.session.beat.wait()
        now = time.monotonic()
        if self.waiting and now - self._told_waiting > TELL_WAITING:
            self._tell_waiting()
        for seat in [one for one in self.seats if now - one.visitor.acted > self.idle]:
            seat.visitor.tell("idle", minutes=round(self.idle / 60, 1))
            self._leave(seat.visitor)
        if not self.seats:
            return
        for row, (seat, frame) in enumerate(zip(self.seats, self.session.next_frames(), strict=True)):
            if frame is None:
                continue
            if frame.action is not None:
                self._record_frame(seat, frame)
            self._show(row, seat, frame)

    def _record_frame(self, seat: Seat, frame: Frame) -> None:
        """Adds a frame to what a visitor records; a disk that is full ends the recording, and nothing else."""
        if seat.recorder is None:
            return
        try:
            seat.recorder.add(frame)
        except OSError as error:
            self._put_aside(seat, f"The recording ended: {error}.")
            return
        if seat.recorder.is_full and not seat.told_full:
            seat.told_full = True
            seat.visitor.tell("record", on=True, text="The recording is complete: download it.")

    def _show(self, row: int, seat: Seat, frame: Frame) -> None:
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
        if seat.scene and (anew or frame.number % SCENE_EVERY == 0):
            scene = session.engine.scene(row)
            things = [[one.name, round(one.x, 3), round(one.y, 3), round(one.metres, 1)] for one in scene.things]
            header["scene"] = {"things": things, "relations": scene.relations}
        if frame.number % STATS_EVERY == 0:
            header["stats"] = session.told() | {"moments": session.moments(row), "left_out": visitor.left_out}
        visitor.offer(Shot(frame.image, header), None if anew else self._step_beside(row, seat, frame.user))

    def _step_beside(self, row: int, seat: Seat, user: UserAction) -> Shot | None:
        """The simulator's next frame; where it fails it goes away, and nothing else does."""
        if seat.beside is None:
            return None
        try:
            return seat.beside.step(user, self.session.players[row].beginning)
        except Exception as error:
            self._beside_stopped(seat, error)
            return None

    def _beside_stopped(self, seat: Seat, error: Exception) -> None:
        assert seat.beside is not None
        seat.beside.close()
        seat.beside = None
        seat.visitor.tell("refused", text=f"the simulator beside stopped: {error}")

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
        return session.told() | {
            "keys": list(engine.keys), "views": list(engine.views), "budgets": dict(BUDGETS_MS),
            "takes_prompts": engine.takes_prompts, "takes_images": engine.takes_images, "takes_events": engine.takes_events,
            "takes_mouse": engine.takes_mouse, "walks_by_itself": engine.walks_by_itself, "can_rewind": engine.can_rewind,
            "has_map": engine.has_map, "simulator": self.simulator, "prompt": player.beginning.prompt,
            "seed": player.beginning.seed, "report": told(player.report), "can_record": bool(self.env_id),
            "starts": [{"name": one.name, "picture": _picture(one)} for one in self.starts],
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
        now = self._told_waiting = time.monotonic()
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
                seat.scene = value == "scene"
                session.look_at("rgb" if seat.scene else str(value), row)
            case "begin":
                return self._begin(row, seat, str(value))
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
        if seat.beside is None:
            return
        try:
            seat.beside.restart(self.session.players[row].beginning)
        except GenieGymError as error:
            self._beside_stopped(seat, error)

    def _begin(self, row: int, seat: Seat, name: str) -> dict[str, Any]:
        """In one of the starts that the world offers: one in words as the visitor's seed has it."""
        start = next((one for one in self.starts if one.name == name), None)
        if start is None:
            raise GenieGymError(f"there is no start {name!r:.40}.")
        seed = self.session.players[row].beginning.seed if start.beginning.prompt else start.beginning.seed
        report = self.session.begin(replace(start.beginning, seed=seed), row)
        self._began_anew(row, seat)
        return {"report": told(report), "prompt": start.beginning.prompt, "about": start.about, "seed": seed}

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
            seat.beside = Beside(self.simulator, self.session.players[row].beginning)


def told(report: Report | None) -> dict[str, list[str]] | None:
    """What became of a text, as the page shows it."""
    if report is None:
        return None
    return {"understood": list(report.understood), "ignored": list(report.ignored), "assumed": list(report.assumed)}


def _picture(start: NamedStart) -> str:
    """As a data URL; "" of starts in words."""
    if start.picture is None:
        return ""
    return "data:image/png;base64," + base64.b64encode(png_bytes(start.picture)).decode()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_SEED
