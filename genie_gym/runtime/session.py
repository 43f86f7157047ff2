"""A world in real time, for code: press keys, ask for events, take frames at a steady rate. The play page is a thin user of
it.

A frame passes three stages, each timed: **input** (keys, mouse and gamepad become actions), **generation** (the world's next
frame) and **rendering** (the frame as it is shown).

Legend: H W what is shown, h w what the world draws.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError, check_name
from genie_gym.runtime.beat import Beat
from genie_gym.runtime.engine import Beginning, Engine, Told
from genie_gym.runtime.fitting import engine_for
from genie_gym.runtime.rendering import LEARNED, PIXELS, RenderingStage
from genie_gym.runtime.timings import FRAME, GENERATION, INPUT, RENDERING, Timings
from genie_gym.text.spec import Event
from genie_gym.text.tokens import Report
from genie_gym.user_action import MOST_KEYS, UserAction
from genie_gym.world import World

OUTPUT_SIZE = (720, 1280)
EVERY, KEPT = 24, 40  # frames between moments that one can go back to; so many are kept, ever farther apart
MOST_SEED = 2**53  # that a page's numbers hold
NOTHING_HAPPENS = "nothing happens in {} but what its player does."
WARM_UP = 4  # frames before the first, so that it is as fast as the others


@dataclass(frozen=True)
class Frame:
    """What one sees: `image` [H, W, 3] as it is shown, `drawn` [h, w, 3] as the world drew it, in whatever view.

    Args:
        number: of the frame in its row's episode. stamp: what came with the first press that it is the first to obey; None
            where nothing new was pressed. action: the world's own that led to it; None where it was drawn anew and no step
            was made. reward, over: what the step brought. score: all rewards of the episode. user: what its user did.
            events: what happened in the step, as JSON.
    """

    image: UInt8[np.ndarray, "H W 3"]
    drawn: UInt8[np.ndarray, "h w 3"]
    number: int
    stamp: Any = None
    action: Any = None
    reward: float = 0.0
    over: bool = False
    score: float = 0.0
    user: UserAction = field(default_factory=UserAction)
    events: tuple[str, ...] = ()


@dataclass
class Player:
    """One row: how it began, and what its user does."""

    beginning: Beginning
    report: Report | None
    action: UserAction = field(default_factory=UserAction)
    tapped: tuple[str, ...] = ()
    """Keys that were pressed since the last frame, though they may have been let go."""
    stamp: Any = None
    view: str = "rgb"
    redraw: bool = False
    """Something changed that a frame shows, though the row may stand still."""
    by_itself: bool = False
    paused: bool = False
    steps_to_go: int = 0
    number: int = 0
    score: float = 0.0
    moments: list[tuple[int, float, Any]] = field(default_factory=list)
    """Those that one can go back to: frame, score and saved row."""
    events: list[str] = field(default_factory=list)
    """What happened since the last step, as JSON."""


class RealtimeSession:
    """A world that runs in real time.

    Args:
        world: a shipped name ("genie3"), a folder, a hub repository, a `World`; the id of a simulator
            ("GenieSim/Town-v0", any Gymnasium id that draws images); or an `Engine`.
        output_size: (height, width) that shown frames fit into.
        size: (height, width) of the frames that the world draws, of worlds that draw any; "auto": the largest that holds the
            rate on this machine, measured for a few seconds; None: the world's own.
        upscaler: "learned", "bicubic" or "nearest"; frames of hard pixels are always enlarged pixel by pixel.
        prompt, seed, task, rules: how the first row begins. players: how many rows there are at first.
        device: "auto", "cpu", "cuda", …

    Raises:
        GenieGymError: for no such world, and for what it cannot begin as.

    Example:
        session = RealtimeSession("genie3", prompt="a medieval town")
        session.press("forward")
        session.event("it starts to snow")
        for frame in session.frames(seconds=10):
            show(frame.image)
    """

    def __init__(
        self,
        world: str | Path | World | Engine = "genie3",
        *,
        output_size: Sequence[int] = OUTPUT_SIZE,
        size: Sequence[int] | str | None = "auto",
        upscaler: str = LEARNED,
        prompt: str = "",
        seed: int = 0,
        task: str = "",
        rules: Sequence[str] = (),
        players: int = 1,
        device: str = "auto",
    ):
        self.engine = engine_for(world, size, (int(output_size[0]), int(output_size[1])), upscaler, device)
        how = PIXELS if self.engine.pixel_art else upscaler
        self.rendering = RenderingStage(self.engine.frame_shape[:2], (int(output_size[0]), int(output_size[1])), how)
        self.timings = Timings()
        self.beat = Beat(self.engine.fps)
        self.players: list[Player] = []
        for number in range(players):
            self.join(Beginning(prompt, None, seed + number, task, tuple(rules)))

    # Who plays

    def join(self, beginning: Beginning | None = None) -> int:
        """One more row; its number. Those behind a row that leaves move up."""
        beginning = beginning or Beginning()
        self._check_events(beginning)
        report = self.engine.join(beginning)
        self.players.append(Player(beginning, report))
        self._remember(len(self.players) - 1)
        return len(self.players) - 1

    def leave(self, row: int) -> None:
        self.engine.leave(row)
        del self.players[row]

    def _player(self, row: int) -> Player:
        if not 0 <= row < len(self.players):
            raise GenieGymError(f"there are {len(self.players)} rows; got row {row}.")
        return self.players[row]

    # What one does

    def press(
        self,
        *keys: str,
        mouse: tuple[float, float] = (0.0, 0.0),
        axes: Mapping[str, float] | None = None,
        row: int = 0,
        stamp: Any = None,
    ) -> None:
        """From now on these keys are held, by name ("forward") or letter ("w"); none lets all go.

        Args:
            mouse: degrees to the right and upwards, by which the next frame turns the view. They add up until then.
            axes: of a gamepad, held like keys. stamp: comes back with the first frame that obeys. A key that is let go
                before the next frame counts for that one.

        Raises:
            GenieGymError: see `UserAction`.
        """
        player = self._player(row)
        right, up = (min(max(a + b, -180.0), 180.0) for a, b in zip(player.action.mouse, mouse, strict=True))
        action = UserAction(keys, (right, up), dict(axes or {}))
        self.engine.check(action)
        player.action, player.tapped = action, tuple(dict.fromkeys([*player.tapped, *keys]))
        if player.stamp is None and not player.paused:
            player.stamp = stamp

    def by_itself(self, on: bool = True, row: int = 0) -> None:
        """Whether the world's prior walks where the user presses nothing."""
        if on and not self.engine.walks_by_itself:
            raise GenieGymError(f"{self.engine.name} has no prior that walks by itself.")
        self._player(row).by_itself = on

    def prompt(self, text: str, row: int = 0, seed: int | None = None) -> Report | None:
        """Begins another world in a row, without task and rules; what became of the text.

        Raises:
            GenieGymError: for text that is not understood; the row goes on then.
        """
        player = self._player(row)
        return self._restart(row, Beginning(text, seed=_or(seed, player.beginning.seed)))

    def image(self, image: UInt8[np.ndarray, "H W 3"], row: int = 0) -> None:
        """Begins a row in a picture.

        Raises:
            GenieGymError: the world does not begin in pictures.
        """
        if not self.engine.takes_images:
            raise GenieGymError(f"{self.engine.name} does not begin in pictures.")
        self._restart(row, Beginning("", image, self._player(row).beginning.seed))

    def begin(self, beginning: Beginning, row: int = 0) -> Report | None:
        """Begins a row anew, in another way."""
        self._player(row)
        return self._restart(row, beginning)

    def reset(self, row: int = 0, seed: int | None = None) -> None:
        """Begins a row anew: as before, or as another seed has it."""
        player = self._player(row)
        self._restart(row, replace(player.beginning, seed=_or(seed, player.beginning.seed)))

    def _check_events(self, beginning: Beginning) -> None:
        if beginning.events and not self.engine.takes_events:
            raise GenieGymError(NOTHING_HAPPENS.format(self.engine.name))

    def _restart(self, row: int, beginning: Beginning) -> Report | None:
        self._check_events(beginning)
        with self.timings.measure("restart"):
            report = self.engine.restart(row, beginning)
        old = self.players[row]
        self.players[row] = Player(
            beginning, report, old.action, view=old.view, by_itself=old.by_itself, paused=old.paused, redraw=True
        )
        self._remember(row)
        return report

    def event(self, event: Event | str, row: int = 0) -> Report:
        """Lets something happen; what became of a text.

        Raises:
            GenieGymError: it cannot happen; nothing changes then.
        """
        player = self._player(row)
        if not self.engine.takes_events:
            raise GenieGymError(NOTHING_HAPPENS.format(self.engine.name))
        with self.timings.measure("event"):
            happened, report = self.engine.event(row, event)
        player.events.append(happened)
        player.redraw = True
        return report

    def look_at(self, view: str, row: int = 0) -> None:
        """What frames show from now on: "rgb", or another of `engine.views`."""
        check_name("view", view, self.engine.views)
        player = self._player(row)
        player.view, player.redraw = view, True

    def pause(self, on: bool = True, row: int = 0, steps: int = 0) -> None:
        """Stops a row, or lets it go on; a stopped one still makes `steps` frames."""
        player = self._player(row)
        player.paused, player.steps_to_go = on, steps

    # Going back

    def moments(self, row: int = 0) -> list[int]:
        """The frames that one can go back to, the oldest first."""
        return [number for number, *_ in self._player(row).moments]

    def rewind(self, frame: int, row: int = 0) -> int:
        """Goes back to the last moment that is kept from before, or at, a frame; its frame. What is done from there on is
        another branch.

        Raises:
            GenieGymError: no such moment is kept.
        """
        player = self._player(row)
        kept = [moment for moment in player.moments if moment[0] <= frame]
        if not kept:
            raise GenieGymError(f"no moment is kept from before frame {frame}.")
        number, score, saved = kept[-1]
        self.engine.load(row, saved)
        player.number, player.score, player.moments, player.redraw = number, score, kept, True
        return number

    def save(self, row: int = 0) -> Any:
        """Everything that a row is, for `load`: any number of branches can begin there."""
        player = self._player(row)
        if not self.engine.can_rewind:
            raise GenieGymError(f"{self.engine.name} cannot be saved.")
        began = player.beginning, player.report, list(player.moments)
        return player.number, player.score, self.engine.save(row), began

    def load(self, saved: Any, row: int = 0) -> None:
        """A row goes on from what `save` gave."""
        player = self._player(row)
        player.number, player.score, state, (player.beginning, player.report, moments) = saved
        self.engine.load(row, state)
        player.moments, player.redraw = list(moments), True
        self._remember(row)

    def _remember(self, row: int) -> None:
        """Keeps the moment, and fewer of the older ones: of those far back every second, fourth …"""
        player = self.players[row]
        if not self.engine.can_rewind or (player.moments and player.moments[-1][0] >= player.number):
            return
        player.moments.append((player.number, player.score, self.engine.save(row)))
        if len(player.moments) > KEPT:
            numbers = np.array([moment[0] for moment in player.moments])
            gaps = (numbers[2:] - numbers[:-2]) / np.maximum(player.number - numbers[1:-1], 1)  # the beginning stays
            del player.moments[1 + int(gaps.argmin())]

    # Frames

    def next_frames(self) -> list[Frame | None]:
        """The next frame of every row; None where a row stands still and nothing changed that it shows."""
        begin = time.perf_counter()
        going = [not player.paused or player.steps_to_go > 0 for player in self.players]
        drawn_anew = [not goes and player.redraw for goes, player in zip(going, self.players, strict=True)]
        if not any(going) and not any(drawn_anew):
            return [None] * len(self.players)
        actions, told, users = None, [Told()] * len(self.players), [player.action for player in self.players]
        if any(going):
            for number, goes in enumerate(going):
                if goes:
                    self._let_happen(number)
            with self.timings.measure(INPUT):
                actions = self.engine.act([self._acts(player) for player in self.players])
            with self.timings.measure(GENERATION):
                told = self.engine.step(actions, going)
        with self.timings.measure(RENDERING):
            frames: list[Frame | None] = []
            for row, (player, goes, anew, one) in enumerate(zip(self.players, going, drawn_anew, told, strict=True)):
                if goes:
                    player.number, player.score = player.number + 1, player.score + one.reward
                    player.steps_to_go = max(0, player.steps_to_go - 1)
                action = None if actions is None or not goes else actions[row]
                frames.append(self._frame(row, action, one, users[row]) if goes or anew else None)
        if any(going):
            self.timings.note(FRAME, time.perf_counter() - begin)
        for row, (player, frame, goes) in enumerate(zip(self.players, frames, going, strict=True)):
            if frame is not None and frame.over:
                self._restart(row, replace(player.beginning, seed=(player.beginning.seed + 1) % MOST_SEED))
            elif goes and player.number % EVERY == 0:
                self._remember(row)
        return frames

    def _let_happen(self, row: int) -> None:
        """What is due in the step that follows."""
        player = self.players[row]
        for step, event in player.beginning.events:
            if step == player.number + 1:
                self.event(event, row)

    def _frame(self, row: int, action: Any, told: Told, user: UserAction) -> Frame:
        """What a row shows now."""
        player = self.players[row]
        drawn = self.engine.look(row)
        seen = drawn if player.view == "rgb" else self.engine.look(row, player.view)
        shown = self.rendering.render(seen, smooth=player.view == "rgb")
        stamp, player.stamp, player.redraw = player.stamp, None, False
        events: tuple[str, ...] = ()
        if action is not None:
            events, player.events = tuple(player.events), []
        return Frame(shown, drawn, player.number, stamp, action, told.reward, told.over, player.score, user, events)

    def next_frame(self) -> Frame:
        """The next frame of the first row, as soon as it can be made.

        Raises:
            GenieGymError: it is paused.
        """
        frame = self.next_frames()[0]
        if frame is None:
            raise GenieGymError("the row is paused: pause(False) lets it go on.")
        return frame

    def frames(self, seconds: float | None = None) -> Iterator[Frame]:
        """Frames of the first row at the world's rate, for so long or for ever. What is late or left out is counted in
        `beat`."""
        self.warm_up()
        self.beat.restart()
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            self.beat.wait()
            yield self.next_frame()

    def warm_up(self) -> None:
        """Makes some frames that nobody sees, and goes back: what is compiled or loaded when first used is so then."""
        if not self.engine.can_rewind:
            return
        saved = [self.engine.save(row) for row in range(len(self.players))]
        numbers = [player.number for player in self.players]
        for _ in range(WARM_UP):
            self.rendering.render(self.engine.look(0))
            self.engine.step(self.engine.act([UserAction()] * len(self.players)), [True] * len(self.players))
        for row, (state, number) in enumerate(zip(saved, numbers, strict=True)):
            self.engine.load(row, state)
            self.players[row].number = number

    def _acts(self, player: Player) -> UserAction | None:
        action = replace(player.action, keys=tuple(dict.fromkeys([*player.tapped, *player.action.keys]))[:MOST_KEYS])
        player.action, player.tapped = replace(player.action, mouse=(0.0, 0.0)), ()
        idle = not action.keys and action.mouse == (0.0, 0.0) and not any((action.axes or {}).values())
        return None if player.by_itself and idle else action

    # What it says of itself

    @property
    def model_size(self) -> tuple[int, int]:
        """(height, width) of frames as the world draws them."""
        return self.engine.frame_shape[:2]

    @property
    def output_size(self) -> tuple[int, int]:
        """(height, width) of frames as they are shown."""
        return self.rendering.output_size

    def told(self) -> dict[str, Any]:
        """Sizes, how they come about, and how long stages take (p50, p95 and p99 in milliseconds), for people and files."""
        names = (INPUT, GENERATION, RENDERING, FRAME)
        return {
            "world": self.engine.name, "model_size": list(self.model_size), "output_size": list(self.output_size),
            "upscaler": self.rendering.upscaler, "fps": self.engine.fps, "late": self.beat.late,
            "dropped": self.beat.dropped, "players": len(self.players),
            "stages_ms": {name: finite(self.timings.percentiles_ms(name)) for name in names},
        }  # fmt: skip

    def close(self) -> None:
        """Frees what it holds."""
        self.engine.close()


def finite(values: dict[str, float]) -> dict[str, float | None]:
    """With None for NaN, which JSON does not know."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _or(value: int | None, other: int) -> int:
    return other if value is None else value
