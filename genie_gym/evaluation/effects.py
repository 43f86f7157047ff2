"""What each action does, measured on frames alone and put in words: "view right", "up", "still".

Each probe is held from the same starts, with the same random numbers. Two things can be seen of it:

- The view moves: everything in the picture is displaced at once. "view right" says that the camera goes right (so the
  picture's content goes left), as it does where a camera follows a figure that runs to the right.
- Something moves in a view that stands still: what differs between the probes is what they control, and it goes
  somewhere. "right" says that this thing goes right.

Legend: A probes, S starts, T time, B pairs of frames, H W image, h w the same made smaller.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.evaluation.metrics import picture_shift
from genie_gym.progress import progress
from genie_gym.rollout import rollout_from
from genie_gym.world import World, WorldState

HELD = 6  # steps that a probe is held for
MOST_PROBES = 32  # that are tried; of more, the first ones
SHORT_SIDE = 64  # pixels; larger pictures are measured at about this size
VISIBLE = 16.0  # grey levels by which a pixel must differ to count: most of what sampled frames flicker by is less
WIDE = 0.3  # share of the cells of an 8x8 grid that change where the view moves; a thing changes a few
MOVES = 0.15  # pixels a step (at SHORT_SIDE) from which on something moves
AGREE = 2 / 3  # share of the starts that must agree on a direction: from the others a wall may be in the way
QUIET = 0.01  # share of the pixels that may change in a step where all stands still: a figure that breathes
FAST, SLOW = 0.67, 0.4  # of the fastest in the same direction


@dataclass(frozen=True)
class Effect:
    """What holding an action does, a step."""

    view: tuple[float, float]
    """Pixels (x right, y down) that the camera moves by, of a picture of about `SHORT_SIDE`; zeros where starts disagree."""
    thing: tuple[float, float]
    """The same of what the actions control in a view that stands still."""
    astray: bool
    """Whether that thing goes somewhere, but elsewhere from each start."""
    changed: float
    """Share of the pixels that change in a step (the median start)."""
    own: float
    """Share of the pixels of the last picture that differ from what most other actions lead to (the median start)."""


@torch.no_grad()
def measure_effects(world: World, starts: WorldState) -> tuple[dict[str, Effect], float]:
    """Each probe held from each row of `starts`: effects by the name of the probe; and by what share of the pixels the last
    pictures of two probes differ, on average."""
    probes = dict(list(world.actions.probes().items())[:MOST_PROBES])
    played = [action.to(world.device).expand(starts.num_rows, HELD, *action.shape) for action in probes.values()]
    rollouts = (rollout_from(world, starts.clone(), actions) for actions in progress(played, desc="try each action"))
    held = torch.stack([_shrunk(frames).cpu() for frames in rollouts])  # [A, S, T, H, W, 3]
    before, after = held[:, :, :-1].flatten(0, 2), held[:, :, 1:].flatten(0, 2)
    changed = (_apart(before, after) > VISIBLE).float()
    wide = F.adaptive_max_pool2d(changed[:, None], 8).mean((1, 2, 3)) > WIDE
    shift = torch.where(wide[:, None], -_shift(before, after), torch.zeros(2)).unflatten(0, (*held.shape[:2], HELD))
    view = [_agreed(rows) for rows in shift.mean(2)]
    share = changed.mean((1, 2)).unflatten(0, (*held.shape[:2], HELD)).mean(2).median(1).values
    differs = _differs(held)
    still_view = np.mean([found == (0.0, 0.0) for found in view]) > 0.5
    displaced = _displaced(differs) if still_view else torch.zeros(len(held), starts.num_rows, 2)
    thing, far = [_agreed(rows) for rows in displaced], displaced.norm(dim=2).median(1).values >= MOVES
    own = (differs[:, :, -1] > 0).float().mean((2, 3)).median(1).values
    effects = {
        name: Effect(view[k], thing[k], bool(far[k]) and thing[k] == (0.0, 0.0), float(share[k]), float(own[k]))
        for k, name in enumerate(probes)
    }
    return effects, _difference(held[:, :, -1])


def thing_moved(held: UInt8[Tensor, "A S T H W 3"]) -> Float[Tensor, "A S 2"]:
    """By how many pixels (x right, y down) the thing that the probes control has moved in a view that stands still, up to a
    factor."""
    return _displaced(_differs(torch.stack([_shrunk(frames).cpu() for frames in held])))


def name_effects(effects: dict[str, Effect]) -> dict[str, str]:
    """A short English name of each effect. Of several in the same direction the faster and slower ones say so, and what then
    is still alike is numbered."""
    moves = {name: _motion(effect) for name, effect in effects.items()}
    fastest: dict[str, float] = {}
    for words, speed in moves.values():
        fastest[words] = max(speed, fastest.get(words, 0.0))
    slowest = {words: min(speed for other, speed in moves.values() if other == words) for words in fastest}
    names = {}
    for name, (words, speed) in moves.items():
        differ = slowest[words] < FAST * fastest[words]
        pace = ", fast" if speed >= FAST * fastest[words] else ", slow" if speed <= SLOW * fastest[words] else ""
        names[name] = words + (pace if differ else "")
    counts, seen = Counter(names.values()), Counter[str]()
    for name, words in names.items():
        seen[words] += 1
        names[name] = f"{words} {seen[words]}" if counts[words] > 1 else words
    return names


def _motion(effect: Effect) -> tuple[str, float]:
    """In words, and how fast."""
    for prefix, (x, y) in (("view", effect.view), ("", effect.thing)):
        if x or y:
            words = [prefix, ("up" if y < 0 else "down") if y else "", ("left" if x < 0 else "right") if x else ""]
            return " ".join(word for word in words if word), float(np.hypot(x, y))
    if effect.changed < QUIET:
        return ("mixed" if effect.astray else "still"), 0.0
    return ("little effect" if effect.own < QUIET else "mixed"), 0.0


def _shrunk(frames: UInt8[Tensor, "S T H W 3"]) -> UInt8[Tensor, "S T h w 3"]:
    """Averaged over whole squares of pixels, to a short side of about `SHORT_SIDE`."""
    factor = max(1, round(min(frames.shape[2:4]) / SHORT_SIDE))
    pooled = F.avg_pool2d(frames.flatten(0, 1).permute(0, 3, 1, 2).float(), factor)
    return pooled.round().to(torch.uint8).permute(0, 2, 3, 1).unflatten(0, frames.shape[:2])


def _shift(before: UInt8[Tensor, "B H W 3"], after: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B 2"]:
    reach = min(6, min(before.shape[1:3]) // 4)
    return torch.cat([picture_shift(a, b, reach) for a, b in zip(before.split(64), after.split(64), strict=True)])


def _agreed(rows: Float[Tensor, "S 2"]) -> tuple[float, float]:
    """The median over starts along each axis; zero along one on which `AGREE` of them do not move the same way."""
    low, middle, high = rows.quantile(torch.tensor([1 - AGREE, 0.5, AGREE]), dim=0)
    agree = (torch.minimum(low.abs(), high.abs()) >= MOVES) & (low.sign() == high.sign())
    x, y = torch.where(agree, middle, 0.0).tolist()
    return x, y


def _differs(held: UInt8[Tensor, "A S T H W 3"]) -> Float[Tensor, "A S T H W"]:
    """By how many grey levels more than `VISIBLE` each probe's pictures differ from what most of them lead to."""
    return (_apart(held, held.median(0).values) - VISIBLE).clamp(min=0)


def _displaced(differs: Float[Tensor, "A S T H W"]) -> Float[Tensor, "A S 2"]:
    """By how many pixels (x, y) a step the thing that differs between the probes has moved: from where they first differ to
    where each probe has it last. Zeros where it does not differ."""
    amount = differs.sum((3, 4))  # [A, S, T]
    weight = amount.clamp(min=1e-6)
    xs, ys = torch.arange(differs.shape[4]) + 0.5, torch.arange(differs.shape[3]) + 0.5
    centres = torch.stack([(differs.sum(3) * xs).sum(-1), (differs.sum(4) * ys).sum(-1)], -1)  # times amount, [A, S, T, 2]
    first = (amount.sum(0) > 0).float().argmax(-1)  # [S]
    rows = torch.arange(differs.shape[1])
    begin = centres[:, rows, first].sum(0) / amount[:, rows, first].sum(0).clamp(min=1e-6)[:, None]
    moved = centres[:, :, -1] / weight[:, :, -1, None] - begin
    return torch.where(amount[:, :, -1, None] > 0, moved / HELD, torch.zeros(2))


def _apart(first: UInt8[Tensor, "... H W 3"], second: UInt8[Tensor, "... H W 3"]) -> Float[Tensor, "... H W"]:
    """By how many grey levels each pixel differs, in the colour in which it differs most."""
    return (first.short() - second.short()).abs().amax(-1).float()


def _difference(last: UInt8[Tensor, "A S H W 3"]) -> float:
    """Share of pixels that differ visibly, averaged over all pairs of probes and all starts."""
    pairs = [_apart(last[a], last[b]) > VISIBLE for a in range(len(last)) for b in range(a)]
    return float(torch.stack([pair.float().mean() for pair in pairs]).mean()) if pairs else 0.0
