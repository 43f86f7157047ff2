"""Frames of video files as ffmpeg shows them, and damage that is told of.

Legend: H W image.
"""

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from genie_gym.datasets.record_videos import record_videos
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError

CORNERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (90, 90, 90))  # top left, top right, below left, below right


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    """No mirroring and no turn makes it the same."""
    grid = np.array(CORNERS, np.uint8).reshape(2, 2, 3)
    return grid.repeat(height // 2, 0).repeat(width // 2, 1)


def write(
    path: Path,
    frames: list[np.ndarray],
    codec: str = "libx264",
    pix_fmt: str = "yuv444p",
    setup: Callable[[Any], None] = lambda stream: None,
    convert: Callable[[av.VideoFrame], av.VideoFrame] = lambda frame: frame,
    options: dict[str, str] | None = None,
    layout: str = "rgb24",
) -> Path:
    with av.open(str(path), "w") as container:
        finest = {"crf": "1"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=10, options=finest | (options or {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        setup(stream)
        for number, array in enumerate(frames):
            frame = convert(av.VideoFrame.from_ndarray(array, format=layout))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def recorded(path: Path, **settings: Any) -> np.ndarray:
    """The first frame of the first episode that a file is recorded as, [H, W, 3]."""
    out = path.with_name(f"{path.name}.h5")
    record_videos(path, out, **settings)
    return VideoDataset(out).frames(0)[0]


def close(seen: np.ndarray, right: np.ndarray, within: float = 4.0) -> bool:
    return seen.shape == right.shape and np.abs(seen.astype(int) - right).mean() < within


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_all_rotations_and_mirrorings_are_shown(tmp_path, degrees, mirrored):
    path = write(tmp_path / "a.mp4", [picture()] * 3, setup=lambda s: s.set_display_rotation(degrees, hflip=mirrored))
    turned = np.rot90(picture(), degrees // 90)
    assert close(recorded(path), turned[:, ::-1] if mirrored else turned)


def test_other_angles_are_turned_as_by_ffmpeg_and_mirrored_ones_refused(tmp_path):
    still = np.zeros((64, 64, 3), np.uint8)
    still[:16, 24:40] = 255  # above
    path = write(tmp_path / "a.mp4", [still] * 3, setup=lambda s: s.set_display_rotation(45))  # against the clock
    seen = recorded(path)
    assert seen.shape == (64, 64, 3)
    assert seen[10:18, 10:18].mean() > 200 > 50 > seen[10:18, 46:54].mean()
    path = write(tmp_path / "b.mp4", [still] * 3, setup=lambda s: s.set_display_rotation(45, hflip=True))
    with pytest.raises(GenieGymError, match="mirrored at an angle"):
        recorded(path)


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(2), 128), (Fraction(1, 2), 32), (Fraction(12, 11), 70)])
def test_pixels_that_are_not_square_become_so(tmp_path, aspect, width):
    def setup(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    seen = recorded(write(tmp_path / "a.mp4", [picture()] * 3, setup=setup))
    assert seen.shape == (48, width, 3)
    assert close(seen[[4, -4]][:, [4, -4]].reshape(4, 3), np.array(CORNERS))


def test_what_the_container_crops_is_cropped(tmp_path):
    path = write(tmp_path / "a.mp4", [picture()] * 3)
    width, height, right, down = 32, 24, -8, -6  # of the middle, from the middle of the frame
    path.write_bytes(
        in_sample_entry(path.read_bytes(), struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1))
    )
    assert close(recorded(path), picture()[6:30, 8:40])


def test_what_the_codec_crops_is_cropped(tmp_path):
    path = write(tmp_path / "a.mp4", [picture(52, 68)] * 3, pix_fmt="yuv420p")  # coded as 64 x 80
    assert close(recorded(path), picture(52, 68))


def in_sample_entry(film: bytes, box: bytes) -> bytes:
    """An mp4 with one more box in the description of its first stream."""
    data, at = bytearray(film), 0
    outer = []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        outer.append(data.index(name, at) - 4)
        at = outer[-1] + 8
    outer.append(at + 8)
    (size,) = struct.unpack_from(">I", data, at + 8)
    data[at + 8 + size : at + 8 + size] = box
    for place in outer:
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(box))
    return bytes(data)


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("matrix", [1, 5, 9])  # BT.709, BT.601, BT.2020
def test_colours_by_the_matrix_and_range_that_the_file_tells(tmp_path, matrix, limited):
    span = 1 if limited else 2

    def setup(stream: Any) -> None:
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, span

    def convert(frame: av.VideoFrame) -> av.VideoFrame:
        return frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=span)

    path = write(tmp_path / "a.mp4", [picture()] * 3, setup=setup, convert=convert)
    assert close(recorded(path), picture(), 2)


def test_a_colour_matrix_that_cannot_be_converted_is_refused(tmp_path):
    def setup(stream: Any) -> None:
        stream.codec_context.colorspace = 8  # YCgCo

    with pytest.raises(GenieGymError, match=r"a.mp4 .*colour matrix 8.*convert it"):
        recorded(write(tmp_path / "a.mp4", [picture()] * 3, setup=setup))
    write(tmp_path / "b.mp4", [picture()] * 4)
    record_videos(tmp_path, tmp_path / "v.h5", skip_damaged=True)
    assert VideoDataset(tmp_path / "v.h5").lengths.tolist() == [4]


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    power = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100; reference white is at 0.265."""
    a = 0.17883277
    high = a * np.log(np.maximum(12 * light - (1 - 4 * a), 1e-9)) + 0.5 - a * np.log(4 * a)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), high)


@pytest.mark.parametrize(
    ("transfer", "code"), [(16, pq(np.array([0, 10, 203, 1000]))), (18, hlg(np.array([0, 0.01, 0.265, 1])))]
)
def test_hdr_is_shown_with_its_white_as_white(tmp_path, transfer, code):
    luma = (64 + 876 * code).round().astype("<u2").repeat(16)

    def convert(frame: av.VideoFrame) -> av.VideoFrame:
        hdr = av.VideoFrame(frame.width, frame.height, "yuv420p10le")
        for plane, values in zip(hdr.planes, (luma, [512], [512]), strict=True):
            line = np.full(plane.line_size // 2, values[-1], "<u2")
            line[: len(values)] = values
            plane.update(np.tile(line, plane.height).tobytes())
        return hdr

    def setup(stream: Any) -> None:
        context = stream.codec_context
        context.color_trc, context.colorspace, context.color_primaries, context.color_range = transfer, 9, 9, 1

    still = np.zeros((32, 64, 3), np.uint8)
    path = write(tmp_path / "a.mkv", [still] * 3, "ffv1", "yuv420p10le", setup, convert)
    black, grey, white, bright = recorded(path)[16, 8::16].astype(int)
    assert max(black) < 4
    assert 40 < min(grey) <= max(grey) < 90
    assert min([*white, *bright]) > 247


def test_what_is_transparent_is_white(tmp_path):
    image = np.concatenate([picture(), np.full((48, 64, 1), 255, np.uint8)], axis=2)
    image[:24, :32, 3], image[24:, :32, 3] = 0, 128
    right = picture()
    right[:24, :32] = 255
    right[24:, :32] = 255 - (255 - right[24:, :32]) * (128 / 255)
    path = write(tmp_path / "a.mov", [image] * 3, "png", "rgba", layout="rgba")
    assert close(recorded(path), right, 1)


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), [
    ("a.mkv", "libx265", "yuv420p10le"), ("a.mkv", "ffv1", "gray"), ("a.mkv", "ffv1", "gray10le"), ("a.gif", "gif", "rgb8"),
    ("a.mov", "qtrle", "gray"), ("a.mov", "png", "pal8"),
])  # fmt: skip
def test_ten_bits_greys_and_palettes(tmp_path, name, codec, pix_fmt):
    right = picture()
    if pix_fmt.startswith("gray"):
        right = right.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, 2)

    def convert(frame: av.VideoFrame) -> Any:
        if pix_fmt != "pal8":
            return frame
        numbers = np.arange(4, dtype=np.uint8).reshape(2, 2).repeat(24, 0).repeat(32, 1)
        palette = np.zeros((256, 4), np.uint8)
        palette[:4, 0], palette[:4, 1:] = 255, CORNERS
        return av.VideoFrame.from_ndarray((numbers, palette), format="pal8")

    path = write(tmp_path / name, [right] * 3, codec, pix_fmt, convert=convert)
    assert close(recorded(path), right, 25 if pix_fmt == "rgb8" else 4)


def test_frames_of_two_fields_are_shown_without_combs(tmp_path):
    def at(time: int) -> np.ndarray:
        image = np.full((64, 96, 3), 20, np.uint8)
        image[:, 8 + 4 * time : 24 + 4 * time] = 230
        return image

    woven = []
    for number in range(8):
        image = at(2 * number + 1)
        image[1::2] = at(2 * number)[1::2]  # the lower field is half a frame earlier
        woven.append(image)

    def setup(stream: Any) -> None:
        stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct

    path = write(tmp_path / "a.mp4", woven, pix_fmt="yuv420p", setup=setup, options={"x264-params": "bff=1"})
    record_videos(path, tmp_path / "v.h5")
    seen = VideoDataset(tmp_path / "v.h5").frames(0)
    assert len(seen) == 8
    for number, image in enumerate(seen):
        assert close(image, at(2 * number), 8)
        assert np.abs(np.diff(image.astype(int), axis=0)).mean() < 3


def test_edit_lists_hide_what_comes_before(tmp_path):
    frames = [np.full((32, 48, 3), 8 * t, np.uint8) for t in range(20)]
    path = write(tmp_path / "a.mp4", frames, options={"bf": "0"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4
    _, count, duration, start = struct.unpack_from(">IIIi", data, at)
    scale = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    assert (count, start) == (1, 0)
    struct.pack_into(">Ii", data, at + 8, duration - 500, scale // 2)  # without the first half second
    path.write_bytes(data)
    record_videos(path, tmp_path / "v.h5")
    seen = VideoDataset(tmp_path / "v.h5").frames(0)
    assert [round(float(f.mean()) / 8) for f in seen] == list(range(5, 20))


def test_the_film_rather_than_its_cover_and_the_larger_of_two(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        sizes = ((32, 32), (48, 64), (32, 48))
        streams = [container.add_stream("mjpeg" if k == 0 else "ffv1", rate=10) for k in range(3)]
        for stream, (height, width) in zip(streams, sizes, strict=True):
            stream.height, stream.width = height, width
            stream.pix_fmt = "yuvj420p" if stream is streams[0] else "bgr0"
            stream.disposition = av.stream.Disposition.attached_pic if stream is streams[0] else 0
        for number in range(3):
            for stream, (height, width) in zip(streams, sizes, strict=True):
                if number == 0 or stream is not streams[0]:
                    image = av.VideoFrame.from_ndarray(picture(height, width), format="rgb24")
                    image.pts, image.time_base = number, Fraction(1, 10)
                    container.mux(stream.encode(image))
        for stream in streams:
            container.mux(stream.encode())
    assert close(recorded(path), picture())


def test_a_size_that_changes_in_the_film_needs_one(tmp_path):
    parts = [
        write(tmp_path / f"{n}.h264", [picture(h, w)] * 4, pix_fmt="yuv420p")
        for n, (h, w) in enumerate([(48, 64), (64, 96)])
    ]
    path = tmp_path / "a.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(GenieGymError, match=r"64x96, the others 48x64 .*pass --size"):
        recorded(path)
    record_videos(path, tmp_path / "v.h5", size=(24, 32))
    data = VideoDataset(tmp_path / "v.h5")
    assert data.lengths.tolist() == [8]
    assert all(close(image, picture(24, 32), 8) for image in data.frames(0))


def test_pictures_that_their_exif_turns(tmp_path):
    image, buffer = Image.fromarray(picture()), io.BytesIO()
    exif = image.getexif()
    exif[274] = 6  # shown turned by a quarter with the clock
    image.save(buffer, "jpeg", exif=exif, quality=95)
    (tmp_path / "a.mjpeg").write_bytes(buffer.getvalue() * 3)
    assert close(recorded(tmp_path / "a.mjpeg"), np.rot90(picture(), -1), 8)


def moving(count: int = 30) -> list[np.ndarray]:
    """Frames that tell their number by where they are rolled to."""
    still = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.roll(still, 3 * number, axis=1) for number in range(count)]


def numbers(path: Path) -> list[list[int]]:
    """Which of the moving frames the episodes of a recording hold; -1 for those that look like none."""

    def number(image: np.ndarray) -> int:
        off = [np.abs(image.astype(int) - other).mean() for other in moving()]
        return int(np.argmin(off)) if min(off) < 15 else -1

    data = VideoDataset(path)
    return [[number(image) for image in data.frames(k)] for k in range(len(data))]


def without(path: Path, packets: range) -> Path:
    """A film that lacks some of its packets."""
    less = path.with_name(f"less{path.suffix}")
    with av.open(str(path)) as source, av.open(str(less), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux()):
            if number not in packets and packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return less


def refused_and_left_out(path: Path, capsys: pytest.CaptureFixture, told: str) -> list[list[int]]:
    """The frames that are left of a damaged film; it is refused unless asked to skip."""
    out = path.with_name("v.h5")
    with pytest.raises(GenieGymError, match=rf"{path.name} .*{told}.*; pass --skip-damaged"):
        record_videos(path, out)
    out.with_name(".v.part.h5").unlink(missing_ok=True)
    record_videos(path, out, skip_damaged=True)
    assert f"left out: {path} " in capsys.readouterr().out
    return numbers(out)


def test_frames_that_lack_what_they_are_built_on(tmp_path, capsys):
    path = write(tmp_path / "a.avi", moving(), "mpeg4", "yuv420p", options={"g": "10", "qmax": "3"})
    assert refused_and_left_out(without(path, range(4)), capsys, "lacks what its frame at .* is built on") == [
        [*range(10, 30)]
    ]


def test_packets_that_the_container_reports_as_damaged(tmp_path, capsys):
    path = write(tmp_path / "a.ts", moving(), "mpeg2video", "yuv420p", options={"g": "10", "bf": "0", "qmax": "3"})
    data, begins = path.read_bytes(), []
    with av.open(str(path)) as container:
        begins = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    lost = begins[15] + 2 * 188  # one transport packet of frame 15, which frames up to the next that stands alone build on
    path.write_bytes(data[:lost] + data[lost + 188 :])
    # The container reports frame 14 too: packets of two frames follow each other there.
    assert refused_and_left_out(path, capsys, "is damaged at") == [[*range(14)], [*range(20, 30)]]


def test_frames_before_a_damaged_one_that_are_built_on_it(tmp_path, capsys):
    options = {"g": "12", "bf": "2", "b_strategy": "0", "sc_threshold": "1000000000", "qmax": "3"}
    path = write(tmp_path / "a.ts", moving(), "mpeg2video", "yuv420p", options=options)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.pts) for packet in container.demux(video=0) if packet.pos is not None]
    first = min(pts for _, pts in packets)
    lost = next(pos for pos, pts in packets if pts - first == 6 * 9000) + 2 * 188  # frame 6, before which 4 and 5 are shown
    data = bytearray(path.read_bytes())
    data[lost + 4 : lost + 188] = bytes([0x5A]) * 184  # behind the header, so that the decoder alone finds it
    path.write_bytes(data)
    before, after = refused_and_left_out(path, capsys, "is damaged at")
    assert before == [0, 1, 2, 3]
    assert after[0] in range(7, 14)
    assert after == [*range(after[0], 30)]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("a.flv", "flv"), ("a.avi", "mjpeg")]
)
def test_films_that_are_cut_off(tmp_path, capsys, name, codec):
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write(tmp_path / name, moving(), codec, pix_fmt, options={"g": "5", "b": "4000000"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (left,) = refused_and_left_out(path, capsys, "cut off|damaged")
    assert left == [*range(len(left))]
    assert 8 < len(left) < 20


def test_packets_that_cannot_be_decoded(tmp_path, capsys):
    path = write(tmp_path / "a.mov", moving(), "png", "rgb24")
    with av.open(str(path)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.pos is not None][12]
    data = bytearray(path.read_bytes())
    data[place : place + 60] = bytes(60)
    path.write_bytes(data)
    assert refused_and_left_out(path, capsys, "is damaged after") == [[*range(12)], [*range(13, 30)]]
