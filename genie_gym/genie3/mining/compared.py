"""Recorded places, drawn with the library and held against their frames: how bright rooms are by weather and hour, when
lamps and windows shine, and how many do.

Legend: H W image, s surfels, p pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie3.mining.conditions import Condition, Weathers
from genie_gym.genie3.mining.light import HOURS, nearness
from genie_gym.genie3.mining.views import Views
from genie_gym.places import light as table_light
from genie_gym.places.draw import draw
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Light, LightTable
from genie_gym.places.place import Place
from genie_gym.places.shadows import cast
from genie_gym.places.surfels import STEPS
from genie_gym.places.table import Things, tables
from genie_gym.progress import progress

LOOKS = 3  # frames of an episode
ALIKE, ALIKE_SHARE = 0.05, 0.05  # metres, and of the depth, by which what is drawn may lie elsewhere
ROOM_HOURS, OTHER_HOURS = 1.5, 0.02  # over which rooms' brightness is averaged; and the weight of what is farther
LEAST_PIXELS = 30  # that tell something of a picture
ROOMS = np.arange(0.6, 2.4, 0.02)  # how much brighter than in the open they may be
DARK = 12.0  # of 255: what glows less has no light of its own
SHINES, YELLOW = 60.0, 50.0  # of 255: what glows so much, and more in red than in blue, tells of lamps
CLEAREST = 0.3  # share of a colour that fog leaves
LIT = 0.45  # of its glow: what shines more is lit …
LIT_SHARE = 0.27  # of lamps that are lit: between what pictures show by day, where none is, and at night
ALL_LIT = 0.9  # of pictures: those that show a larger share of lamps lit show all lit
DARKEST = -3.0  # of the table's glow, which is below 0 where lamps are not lit
GLOW_HOURS, HARDLY = 1.0, 0.2  # over which their brightness is averaged; hours by which the table may have them lit too long
TOGETHER = 0.62  # metres between the middles of patches that show one window


@dataclass(frozen=True, eq=False)
class Compared:
    """What one picture told: how much brighter a room is than its surfaces in the open would be, NaN where there is none;
    how brightly those of its lamps and windows shine that are lit (0 to 1), and which share is; NaN where there are none."""

    condition: Condition
    room: float
    glow: float
    lit: float


def compare(library: AssetLibrary, data: VideoDataset, episodes: Iterable[int], weathers: Weathers) -> Iterator[Compared]:
    """Some frames of some episodes, under each of their conditions."""
    for index in progress(list(episodes), desc="compare", unit="episode"):
        views = Views.of(data, index, weathers, max(1, int(data.calm[index]) // LOOKS))
        if views is not None:
            yield from _compared(library, views)


def _compared(library: AssetLibrary, views: Views) -> Iterator[Compared]:
    for frame in range(len(views)):
        things, ground = tables([_standing(views, frame)], library, [views.index])
        for pictures, condition in zip(views.pictures, views.conditions, strict=True):
            yield _told(library, views, frame, pictures[frame], condition, things, ground)


def _standing(views: Views, frame: int) -> Place:
    """The place, in which what moves stands where it did; what was not there is left out."""
    things = []
    for thing in views.place.things:
        centre, yaw = views.standing(thing, frame)
        if np.isfinite(centre).all():
            x, y, z = centre.tolist()
            things.append(replace(thing, centre=(x, y, z), yaw=yaw))
    return views.place.replace(things=tuple(things))


def _told(
    library: AssetLibrary,
    views: Views,
    frame: int,
    picture: np.ndarray,
    condition: Condition,
    things: Things,
    ground: Ground,
) -> Compared:
    when = table_light.Condition(weather=torch.tensor([condition.weather]), hour=torch.tensor([condition.hour]))
    light = library.light.at(when)
    cast(things, ground, library, light.sun)
    pose = torch.from_numpy(views.pose[frame][None]).float()

    def drawn(light: Light) -> tuple[np.ndarray, np.ndarray]:
        seen = draw(library, things, ground, when, pose, views.camera, torch.zeros(1, dtype=torch.int64), light=light)
        return seen.colours[0].numpy().astype(np.float64), seen.depth[0].numpy()

    bare = replace(light, glow=light.glow * 0, fall=light.fall * 0, roofed=light.roofed * 0 + 1)
    colours, depth = drawn(bare)
    shine, _ = drawn(replace(bare, gain=light.gain * 0, fog=light.fog * 0, glow=light.glow * 0 + 1))
    there = np.abs(depth - views.depth[frame]) < ALIKE + ALIKE_SHARE * np.minimum(depth, views.depth[frame])
    inside = _under(ground, pose.numpy()[0], views, depth)
    real = picture.astype(np.float64)
    glow, lit = _shining(real, colours, shine, there & ~inside, np.exp(-float(light.fog[0, 3]) * depth))
    return Compared(condition, _room(real, colours, shine, there & inside), glow, lit)


def _under(ground: Ground, pose: np.ndarray, views: Views, depth: np.ndarray) -> Bool[np.ndarray, "H W"]:
    """Which pixels lie under a roof."""
    x = (np.arange(views.camera.width) + 0.5 - views.camera.width / 2) / views.camera.focal
    y = ((np.arange(views.camera.height) + 0.5 - views.camera.height / 2) / views.camera.focal)[:, None]
    rays = np.stack(np.broadcast_arrays(x, y, 1.0), -1)
    points = (rays * depth[..., None]) @ pose[:3, :3].T + pose[:3, 3]
    return ground.under_roof(torch.from_numpy(points[None, ..., :2]).float())[0].numpy()


def _room(real: np.ndarray, colours: np.ndarray, shine: np.ndarray, which: np.ndarray) -> float:
    """What colours are to be multiplied with, so that they differ least from real ones when they are clipped."""
    which = which & (shine.max(-1) < DARK)
    if which.sum() < LEAST_PIXELS:
        return np.nan
    off = [float(np.abs(np.minimum(colours[which] * times, 255) - real[which]).mean()) for times in ROOMS]
    return float(ROOMS[int(np.argmin(off))])


def _shining(
    real: np.ndarray, colours: np.ndarray, shine: np.ndarray, which: np.ndarray, left: np.ndarray
) -> tuple[float, float]:
    """How brightly lamps shine, and which share of them: told by how much yellower they are than drawn without."""
    yellow = shine[..., 0] - shine[..., 2]
    which = which & (shine.max(-1) > SHINES) & (yellow > YELLOW) & (left > CLEAREST)
    if which.sum() < LEAST_PIXELS:
        return np.nan, np.nan
    more = (real[..., 0] - real[..., 2]) - (colours[..., 0] - colours[..., 2])
    level = more[which] / (yellow * left)[which]
    lit = level > LIT
    share = float(lit.mean())
    return (float(np.median(level[lit])) if lit.any() else np.nan), share


def write_rooms(table: LightTable, told: Sequence[Compared]) -> None:
    """How bright rooms are, by weather and hour: the median of what pictures tell, near hours first."""
    told = [one for one in told if np.isfinite(one.room)]
    for weather in range(len(table.roofed)):
        mine = [one for one in told if one.condition.weather == weather] or told
        if not mine:
            return
        when, values = np.array([one.condition.hour for one in mine]), np.array([one.room for one in mine])
        for hour in range(HOURS):
            table.roofed[weather, hour] = _median(values, nearness(when, hour, ROOM_HOURS) + OTHER_HOURS)


def write_glow(table: LightTable, told: Sequence[Compared]) -> None:
    """How brightly lamps shine, hour by hour. They follow the clock, whatever the weather, and are lit at once: an hour
    before is far below 0, so that between it and the next they are lit late."""
    night = lit_hours(told)
    shining = [] if night is None else [one for one in told if np.isfinite(one.glow) and _within(one.condition.hour, night)]
    if night is None or not shining:
        return
    when, levels = np.array([one.condition.hour for one in shining]), np.array([one.glow for one in shining])
    hours = np.full(HOURS, DARKEST)
    for hour in range(HOURS):
        if _within(hour, (night[0] - HARDLY, night[1] + HARDLY)):
            hours[hour] = min(_median(levels, nearness(when, hour, GLOW_HOURS) + OTHER_HOURS), 1.0)
    for hour, beside, away in [(h, (h + 1) % HOURS, (night[0] - h) % 24) for h in range(HOURS)] + [
        (h, (h - 1) % HOURS, (h - night[1]) % 24) for h in range(HOURS)
    ]:
        if hours[hour] < 0 < hours[beside] and away < 1:  # half as bright when they are lit, or put out
            hours[hour] = np.clip(hours[beside] * (0.5 - away) / max(1 - away, 1e-3), DARKEST, 0)
    table.glow[:, :, 0] = torch.from_numpy(hours).float()


def lit_hours(told: Sequence[Compared]) -> tuple[float, float] | None:
    """When lamps are lit, and put out: the hours between which pictures show many more lit ones than at other hours. None
    where they do at none."""
    told = sorted((one for one in told if np.isfinite(one.lit)), key=lambda one: one.condition.hour)
    more = np.array([one.lit - LIT_SHARE for one in told])
    when = np.array([one.condition.hour for one in told])
    best, found = 0.0, None
    for first in range(len(told)):
        order = np.arange(first, first + len(told)) % len(told)
        sums = np.cumsum(more[order])
        if sums.max() > best:
            best, last = float(sums.max()), int(sums.argmax())
            before, after = order[-1], order[min(last + 1, len(told) - 1)]
            found = _between(when[before], when[first]), _between(when[order[last]], when[after])
    return found


def _median(values: Float[np.ndarray, " p"], weight: Float[np.ndarray, " p"]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _between(earlier: float, later: float) -> float:
    """The hour halfway from one to the next."""
    return float((earlier + (later - earlier) % 24 / 2) % 24)


def _within(hour: float, hours: tuple[float, float]) -> bool:
    return (hour - hours[0]) % 24 <= (hours[1] - hours[0]) % 24


def lit_share(told: Sequence[Compared]) -> float:
    """Which share of windows is lit at night, 1 where nobody saw any. Bars and rims stay dark in those that are: what is lit
    in pictures that show the most of it counts as all."""
    night = lit_hours(told)
    shares = (
        [] if night is None else [one.lit for one in told if np.isfinite(one.lit) and _within(one.condition.hour, night)]
    )
    return float(np.mean(shares) / max(np.quantile(shares, ALL_LIT), 1e-3)) if shares else 1.0


def put_out(library: AssetLibrary, share: float, seed: int) -> None:
    """Leaves this share of the windows of each asset lit. Those that look like ones that somebody saw lit all shine; in what
    recordings show by night only some of them do, and by day nothing tells which."""
    rng = np.random.default_rng([seed, 7])
    first = library.first.numpy()
    for asset in range(len(first)):
        begin, end = first[asset, 0], first[asset, -1]
        glowing = begin + np.flatnonzero(library.glow[begin:end].numpy().max(1) > 0)
        finest = glowing[glowing < first[asset, 1]]
        if not len(finest):
            continue
        size = library.size[asset].numpy() / STEPS
        window = _windows(library.position[torch.from_numpy(finest)].numpy() * size)
        count = int(window.max()) + 1
        if count > 1:
            out = rng.permutation(count) >= max(round(count * share), 1)
            fine, all_ = (library.position[torch.from_numpy(which)].numpy() * size for which in (finest, glowing))
            nearest = cKDTree(fine).query(all_)[1]
            library.glow[torch.from_numpy(glowing[out[window[nearest]]])] = 0


def _windows(place: Float[np.ndarray, "s 3"]) -> Int[np.ndarray, " s"]:
    """A number for all that lie together."""
    pairs = cKDTree(place).query_pairs(TOGETHER, output_type="ndarray")
    number = np.arange(len(place))
    while True:  # the least number of those together
        before = number.copy()
        np.minimum.at(number, pairs[:, 0], number[pairs[:, 1]])
        np.minimum.at(number, pairs[:, 1], number[pairs[:, 0]])
        if (before == number).all():
            return np.unique(number, return_inverse=True)[1]
