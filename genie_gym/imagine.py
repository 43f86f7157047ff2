"""What is asked of a world in words and pictures: its first view, what follows from moves, a place to play in.

`World` has the three calls of that name; these are the functions behind them. They begin as an environment with the same
seed and prompt begins, and go on past the end of an episode.

Legend: B rows, F moves, T = F + 1 frames, H W image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.actions import DiscreteActions, sticky_actions
from genie_gym.devices import autocast_for_play
from genie_gym.episode import Start, WorldState
from genie_gym.errors import GenieGymError
from genie_gym.keyboard import MOST_MOVES, key_numbers, parse_moves
from genie_gym.models.row_random import episode_draws, episode_seeds
from genie_gym.playable import Playable, TakesKeys, steps
from genie_gym.rows import as_seed
from genie_gym.text.prompt import Prompt
from genie_gym.text.reader import parse_event, parse_prompt
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.visual import fit, read_image

NO_PROMPT = "this world takes no prompt: what it shows depends on its start frames alone."


@dataclass(frozen=True)
class Moves:
    """Actions [B, F, …], the world's own or keys of its keyboard: a sequence a row, or one (B = 1) that all rows play."""

    actions: Tensor
    by_keys: bool

    def __len__(self) -> int:
        return self.actions.shape[1]


# The three calls


def generate_from_text(
    world: Playable, prompt: str, seed: int | Sequence[int] = 0
) -> tuple[UInt8[np.ndarray, "*B H W 3"], Report]:
    """The first view of a world as the prompt asks for.

    Args:
        prompt: text, English or Chinese.
        seed: which of the many worlds like that; or several seeds, one a row.

    Returns:
        The frame [H, W, 3] (of several seeds [B, H, W, 3]), and what of the prompt was understood, ignored and assumed.

    Raises:
        GenieGymError: for a prompt that says nothing, or too much, and for a world that takes none.
    """
    read = read_prompt(world, prompt)
    return _as_asked(begin(world, seed, prompt=read).frames.cpu().numpy(), seed), read.report


def generate_from_image(
    world: Playable, init_image: str | Path | np.ndarray, action_sequence: Any, seed: int | Sequence[int] = 0
) -> UInt8[np.ndarray, "*B T H W 3"]:
    """What is seen from an image on, as actions are played.

    Args:
        init_image: a file, or uint8 [H, W, 3] of any size: its centre is cut out at the aspect of the world's frames, and
            scaled to them.
        action_sequence: the moves, F of them, as `read_moves` takes them.
        seed: of what the image leaves open; or several seeds, one a row.

    Returns:
        Frames [T, H, W, 3] (of several seeds [B, T, H, W, 3]); the first is the start frame.

    Raises:
        GenieGymError: for what is no image, for moves that the world does not know, and for a world that takes no images.
    """
    image = fit(read_image(init_image), world.frame_shape[:2])
    moves = read_moves(world, action_sequence)
    return _as_asked(_film(world, begin(world, seed, image=image), moves), seed)


def generate_playable(
    world: Playable, prompt: str, num_actions: int = 100, action_sequence: Any = None, seed: int | Sequence[int] = 0
) -> dict[str, Any]:
    """A world as the prompt asks for, and how it responds to actions.

    Args:
        num_actions: so many moves are chosen by `sticky_moves`.
        action_sequence: moves to play instead; `num_actions` does not count then.
        seed: of the world and the moves; or several seeds, one a row: each row is what its seed brings alone.

    Returns:
        `init_frames` uint8 [1, H, W, 3], what is seen before the first action; `action_responses` uint8 [F, H, W, 3], what
        is seen after each; `actions` [F, …], which they were (of a world with a keyboard, numbers of keys); and `report`,
        what became of the prompt. Of several seeds they are [B, 1, H, W, 3], [B, F, H, W, 3] and [B, F, …].

    Raises:
        GenieGymError: as `generate_from_text`, and for a number of actions, or moves, that cannot be.
    """
    read = read_prompt(world, prompt)
    seeds = _seeds(seed)
    moves = sticky_moves(world, num_actions, seeds) if action_sequence is None else read_moves(world, action_sequence)
    frames = _film(world, begin(world, seed, prompt=read), moves)
    return {
        "init_frames": _as_asked(frames[:, :1], seed),
        "action_responses": _as_asked(frames[:, 1:], seed),
        "actions": _as_asked(moves.actions.expand(len(seeds), *moves.actions.shape[1:]).cpu().numpy().copy(), seed),
        "report": read.report,
    }


# What they are made of


def read_prompt(world: Playable, prompt: str | WorldSpec) -> Prompt:
    """What a text asks for, or a typed description, and what becomes of it in this world.

    Raises:
        GenieGymError: for text without meaning, or too long, for names that the world does not know, and for a world that
            takes no prompt.
    """
    if world.vocabulary is None:
        raise GenieGymError(NO_PROMPT)
    if isinstance(prompt, WorldSpec):
        spec = world.vocabulary.complete(prompt)
        return Prompt(spec, "", world.report_of(Report(), spec))
    asked, report = parse_prompt(prompt, world.vocabulary)
    return Prompt(asked, prompt, world.report_of(report, asked))


def read_event(world: Playable, event: Event | str, now: WorldSpec | None = None) -> tuple[Event, Report]:
    """An event, checked, or what a text asks for. `now` is what the world is like, where that is known.

    Raises:
        GenieGymError: for text that names no event, for an event with names that the world does not know, and for text where
            it knows no words.
    """
    if isinstance(event, str):
        if world.vocabulary is None:
            raise GenieGymError("this world does not say which words it understands; give it a typed event.")
        return parse_event(event, world.vocabulary, now)
    if world.vocabulary is not None:
        world.vocabulary.check_event(event)
    return event, Report()


def begin(
    world: Playable,
    seed: int | Sequence[int],
    image: UInt8[np.ndarray, "H W 3"] | None = None,
    prompt: Prompt | None = None,
) -> WorldState:
    """New episodes, one a seed, all from this image (of the world's size) or prompt; without either, as the world begins by
    itself.

    Raises:
        GenieGymError: for what is no seed, and for a start that the world does not take.
    """
    row_seeds = torch.tensor(_seeds(seed))
    rows, first = len(row_seeds), torch.zeros_like(row_seeds)
    start = Start(
        frames=None if image is None else torch.from_numpy(image.copy()).to(world.device).repeat(rows, 1, 1, 1),
        prompts=[prompt] * rows,
        draws=episode_draws(row_seeds, first),
    )
    with torch.no_grad(), autocast_for_play(world.device):
        return world.reset(episode_seeds(row_seeds, first).to(world.device), start)


def read_moves(world: Playable, sequence: Any) -> Moves:
    """A sequence of actions for all rows, checked.

    Args:
        sequence: the world's own actions (an array [F, …], a tensor or a list); of a world with a keyboard also keys, one an
            entry, by name ("forward"), letter ("w", `genie_gym.keyboard.LETTERS`) or, where its own actions are vectors,
            number; or all in one line, as `genie_gym.keyboard.parse_moves` reads it ("w*24 a*12").

    Raises:
        GenieGymError: for actions or keys that this world does not know, and for more than `MOST_MOVES`.
    """
    if isinstance(sequence, str):
        sequence = parse_moves(sequence)
    try:
        given = sequence.cpu().numpy() if isinstance(sequence, Tensor) else np.asarray(sequence)
    except ValueError as error:  # ragged lists
        raise GenieGymError(f"moves are one action after another, all of one shape; given {sequence!r:.80}.") from error
    if given.ndim == 0 or len(given) > MOST_MOVES:
        what = f"{len(given):,}" if given.ndim else f"{sequence!r:.80}"
        raise GenieGymError(f"moves are a sequence of up to {MOST_MOVES:,} actions; given {what}.")
    own_are_codes = isinstance(world.actions, DiscreteActions)
    if not len(given):
        return Moves(world.actions.sample(np.random.default_rng(0), 1, 0), by_keys=False)
    if given.dtype.kind == "U" and own_are_codes and all(text.isdecimal() for text in given.flat):
        given = given.astype(np.int64)
    is_keys = given.ndim == 1 and (given.dtype.kind == "U" or (given.dtype.kind in "iu" and not own_are_codes))
    if not is_keys:
        return Moves(world.actions.check(given, len(given))[None], by_keys=False)
    if not isinstance(world, TakesKeys):
        raise GenieGymError(f"a {world.family} world understands no keyboard; give its own actions, {world.actions.space}.")
    return Moves(torch.from_numpy(key_numbers(given.tolist(), world.key_names))[None], by_keys=True)


def sticky_moves(world: Playable, count: int, seeds: Sequence[int]) -> Moves:
    """Random moves, each kept for a while: four steps on average; those of a row follow from its seed. Keys where the world
    has a keyboard, else its own actions.

    Raises:
        GenieGymError: for a number of them below 0 or above `MOST_MOVES`.
    """
    check_count(count)
    spec = world.keys if isinstance(world, TakesKeys) else world.actions
    drawn = torch.stack([sticky_actions(spec, np.random.default_rng(seed), count) for seed in seeds])
    return Moves(drawn, isinstance(world, TakesKeys))


def check_count(count: int) -> None:
    """Raises `GenieGymError` for a number of moves below 0 or above `MOST_MOVES`."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 <= count <= MOST_MOVES:
        raise GenieGymError(f"the number of actions is a whole number from 0 to {MOST_MOVES:,}; got {count!r}.")


def walk(world: Playable, state: WorldState, moves: Moves) -> Iterator[WorldState]:
    """The state, then the state after each move. Asking for the next one may write into the last."""
    yield state
    for step in steps(world, state, moves.actions, moves.by_keys):
        yield step.state


def _film(world: Playable, state: WorldState, moves: Moves) -> UInt8[np.ndarray, "B T H W 3"]:
    return torch.stack([seen.frames.cpu().clone() for seen in walk(world, state, moves)], 1).numpy()


def _seeds(seed: int | Sequence[int]) -> list[int]:
    """One or several, at least one."""
    seed = seed.tolist() if isinstance(seed, np.ndarray) else seed
    several = isinstance(seed, Sequence) and not isinstance(seed, str | bytes) and len(seed)
    return [as_seed(value) for value in (seed if several else [seed])]  # type: ignore[union-attr]


def _as_asked(rows: np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """Without the rows' axis where one seed was asked for."""
    return rows[0] if isinstance(seed, int | np.integer) else rows
