"""The frames of a video file as ffmpeg shows them: upright, in square pixels, without fields, in the colours of a screen.

Legend: H W image.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Timed = tuple[float, np.ndarray]
Damaged = Callable[[Path, str], None]  # told what is damaged, it raises, or notes that it is left out

HDR = (16, 18)  # transfer characteristics: PQ and HLG
BUILT_ON_OTHERS = (2, 3, 4, 6)  # types of pictures: P, B, S, SP
B_FRAME, MOST_B_FRAMES = 3, 16  # that encoders make in a row
UPRIGHT = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], np.int32)  # FFmpeg's display matrix of most films
UNNAMED = range(28, 32)  # FFmpeg's kinds of side data after those that PyAV knows
STRAIGHT = 0.02  # of a matrix: so little beside quarter turns is rounding
MISSING = 0.5  # seconds that a file may end before it says


class Film(NamedTuple):
    """A video file, opened, and which of its streams is shown."""

    container: Any
    stream: Any
    rate: float
    """Frames a second on average; 0 where it does not say."""


def open_film(path: Path, damaged: Damaged) -> Film | None:
    """Opens a file at the stream that ffmpeg takes: no cover picture, the default one, the largest. None, and `damaged` is
    told, where it cannot be decoded."""
    import av

    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        damaged(path, f"cannot be decoded ({_reason(error)})")
        return None
    kinds = av.stream.Disposition
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & (kinds.attached_pic | kinds.timed_thumbnails)
    ]
    if not streams:
        container.close()
        damaged(path, "cannot be decoded (it holds no video)")
        return None
    best = max(streams, key=lambda stream: (bool(stream.disposition & kinds.default), stream.width * stream.height))
    return Film(container, best, float(best.average_rate or best.guessed_rate or 0))


def decode(path: Path, fps: float, damaged: Damaged) -> Iterator[Iterator[Timed]]:
    """Stretches of whole frames, uint8 [H, W, 3] with their times in seconds; one is to be taken before the next. What lies
    between them, `damaged` is told, and of what cannot be shown. `fps` gives the times of files that have none."""
    film = open_film(path, damaged)
    if film is None:
        return
    with film.container:
        aspect, crop = film.stream.sample_aspect_ratio or 1, _cropping(film)
        frames = _whole(path, _decoded(film, film.rate or fps), damaged)
        for _, some in groupby(frames, key=itemgetter(0)):
            yield _shown(path, ((time, frame) for _, time, frame in some), str(aspect), crop, damaged)


def _decoded(film: Film, rate: float) -> Iterator[tuple[float, Any, str]]:
    """Frames with their times and what is wrong with them ("" for nothing); no frame, where one is missing."""
    import av

    container, stream, _ = film
    stream.thread_type = "SLICE"  # where each thread has a frame, damage is told of other frames, if at all
    index, time, ends, trouble = 0, 0.0, 0.0, ""
    spoilt = set()  # pts of packets that came damaged
    packets = container.demux()
    while packets is not None:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            packet, trouble = None, f"cannot be read after {time:.2f} s ({_reason(error)})"
        if packet is None:
            packets = None  # what the decoder still holds comes out
        elif packet.pts is not None:
            ends = max(ends, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet is not None and packet.stream.index != stream.index:
            continue
        if packet is not None and packet.is_corrupt:
            spoilt.add(packet.pts)
        try:
            frames = stream.decode(packet)
        except EOFError:  # it held nothing any more
            continue
        except av.error.FFmpegError as error:
            yield time, None, f"is damaged after {time:.2f} s ({_reason(error)})"
            continue
        for frame in frames:
            time = index / rate if frame.time is None else float(frame.time)
            yield time, frame, f"is damaged at {time:.2f} s" if frame.is_corrupt or frame.pts in spoilt else ""
            index += 1
    said = (container.duration or 0) / av.time_base
    if not trouble and ends and said - ends > MISSING:
        trouble = f"ends after {ends:.2f} s of {said:.2f}, it is cut off"
    if trouble:
        yield time, None, trouble


def _whole(path: Path, frames: Iterable[tuple[float, Any, str]], damaged: Damaged) -> Iterator[tuple[int, float, Any]]:
    """The whole frames, each with the number of its stretch. What comes after a damaged one is built on it, up to the next
    that stands alone; so are the B frames before it."""
    stretch, is_whole = 0, None
    waiting: list[tuple[int, float, Any]] = []  # B frames, until the frame after them is seen, on which they are built too
    for time, frame, trouble in frames:
        kind = 0 if frame is None else int(frame.pict_type)
        if not trouble and not is_whole and kind in BUILT_ON_OTHERS and not frame.key_frame:
            trouble = f"lacks what its frame at {time:.2f} s is built on"
        if trouble and frame is not None:
            waiting.clear()
        if not trouble:
            waiting.append((stretch, time, frame))
            is_whole = True
        if kind != B_FRAME or len(waiting) > MOST_B_FRAMES:
            yield from waiting
            waiting.clear()
        if trouble and is_whole is not False:
            damaged(path, trouble)
            stretch, is_whole = stretch + 1, False
    yield from waiting


def _shown(path: Path, frames: Iterable[tuple[float, Any]], aspect: str, crop: str, damaged: Damaged) -> Iterator[Timed]:
    """Decoded frames that follow each other, as they are seen."""
    import av

    interlaced = False

    def look_of(timed: tuple[float, Any]) -> _Look:
        nonlocal interlaced
        interlaced = interlaced or timed[1].interlaced_frame  # single frames without fields do not matter
        return _look(timed[1], interlaced)

    for look, some in groupby(frames, key=look_of):
        a, b, c, d = look.matrix
        if not _is_straight(look.matrix) and a * d <= b * c:  # ffmpeg would turn it without mirroring
            damaged(path, "is to be shown mirrored at an angle of its own, convert it with ffmpeg")
            return
        times: deque[float] = deque()  # what has fields is drawn when the next frame is known
        try:
            graph = _graph(look, aspect, crop)
            for time, frame in chain(some, [(0.0, None)]):
                times.append(time)
                graph.push(frame)
                for drawn in _pull(graph):
                    yield times.popleft(), _picture(drawn, look)
        except av.error.FFmpegError as error:
            what = f"{look.format}, colour matrix {look.colorspace}: {_reason(error)}"
            damaged(path, f"cannot be shown ({what}), convert it with ffmpeg")
            return


class _Look(NamedTuple):
    """What decides how a decoded frame is drawn."""

    width: int
    height: int
    format: str
    colorspace: int
    color_range: int
    is_hdr: bool
    has_alpha: bool
    interlaced: bool
    matrix: tuple[int, ...]
    """Of display: where a step to the right and one down lead, (right, down) each; whole numbers, as they are."""


def _look(frame: Any, interlaced: bool) -> _Look:
    a, b, _, c, d = _display_matrix(frame)[:5].tolist()
    return _Look(
        frame.width,
        frame.height,
        frame.format.name,
        frame.colorspace,
        frame.color_range,
        frame.color_trc in HDR,
        frame.format.has_palette or any(component.is_alpha for component in frame.format.components),
        interlaced,
        (a, b, c, d),
    )


def _display_matrix(frame: Any) -> np.ndarray:
    """int32 [9]."""
    import av

    try:
        return np.frombuffer(bytes(frame.side_data.get("DISPLAYMATRIX", UPRIGHT)), np.int32)
    except ValueError:  # beside it is something that PyAV has no name for, such as EXIF
        graph = av.filter.Graph()
        unknown = [graph.add("sidedata", f"mode=delete:type={kind}") for kind in UNNAMED]
        source = graph.add_buffer(template=frame, time_base=frame.time_base or Fraction(1))
        graph.link_nodes(source, *unknown, graph.add("buffersink")).configure()
        graph.push(frame)
        return _display_matrix(graph.pull())


def _graph(look: _Look, aspect: str, crop: str) -> Any:
    """ffmpeg's filters from decoded frames to RGB, or RGBA where they have alpha."""
    import av

    size = f"video_size={look.width}x{look.height}:pixel_aspect={aspect}:time_base=1"
    filters = [("buffer", f"{size}:pix_fmt={look.format}:colorspace={look.colorspace}:range={look.color_range}")]
    if crop:
        filters.append(("crop", crop))
    if look.interlaced:
        filters.append(("bwdif", "mode=send_frame:deint=interlaced"))
    screen = ":out_transfer=bt709:out_primaries=bt709" if look.is_hdr else ""
    filters += [("scale", f"w=round(iw*sar):h=ih{screen}"), ("format", "rgba" if look.has_alpha else "rgb24")]
    if not _is_straight(look.matrix):
        a, b, c, d = look.matrix
        filters.append(("rotate", str(math.atan2(b - c, a + d))))
    graph = av.filter.Graph()
    graph.link_nodes(*[graph.add(*each) for each in filters], graph.add("buffersink")).configure()
    return graph


def _pull(graph: Any) -> Iterator[Any]:
    """The frames that have come through."""
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):
            return


def _is_straight(matrix: tuple[int, ...]) -> bool:
    """Whether quarter turns and mirrors make a display matrix."""
    a, b, c, d = map(abs, matrix)
    return min(a + d, b + c) <= STRAIGHT * max(a + d, b + c)


def _picture(drawn: Any, look: _Look) -> np.ndarray:
    """What a screen shows, uint8 [H, W, 3]; what is transparent is white, as in pictures."""
    image = drawn.to_ndarray()
    if look.has_alpha:
        image = (255.5 - (255 - image[..., :3]) * (image[..., 3:] / 255)).astype(np.uint8)
    a, b, c, d = look.matrix
    if _is_straight(look.matrix):
        if abs(b) + abs(c) > abs(a) + abs(d):
            image, a, d = image.swapaxes(0, 1), c, b
        image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def _cropping(film: Film) -> str:
    """The arguments of ffmpeg's crop filter that a stream's container asks for; "" for none. PyAV tells it in words only."""
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        told = film.container.dumps_format()
    finally:
        av.logging.set_level(level)
    own = told.partition(f"Stream #0:{film.stream.index}")[2].partition("\n  Stream #")[0]
    found = re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", own)
    return "w=iw-{0}-{1}:h=ih-{2}-{3}:x={0}:y={2}:exact=1".format(*found.groups()) if found else ""


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ")
