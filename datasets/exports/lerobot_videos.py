"""The mp4 files of a LeRobot dataset: the frames of many episodes one after another, and how near they come to the source.

Colours are H.264 (every player shows it), depths 12-bit H.265 without loss, as LeRobot 0.6 reads them: codes that are even
steps of the logarithm, so that near things keep their differences.

Legend: T frames, H W image, C channels, L levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from genie_gym.datasets.exports.lerobot_stats import Stats, stats_of_levels
from genie_gym.errors import GenieGymError

FILES_A_CHUNK = 1000
FILE_MEGABYTES = 200
EVERY = 2  # frames from one that stands alone to the next, as LeRobot has it: clips are read from anywhere
CODES = 4096
QUALITY = "12"  # x264's crf, 0 is without loss
NEAREST = 1e-3  # metres

Blocks = Iterable[np.ndarray]
Again = Callable[[], Blocks]


@dataclass
class Colours:
    """How uint8 [H, W, 3] are written and read, and how far what was written is from the source (`compare`, `said`).

    Attributes:
        levels: what each code of a channel means.
    """

    codec: str = "libx264"
    channels: int = 3
    levels: Float[np.ndarray, " L"] = field(default_factory=lambda: np.arange(256) / 255)
    errors: list[float] = field(default_factory=list)

    @property
    def options(self) -> dict[str, str]:
        return {"crf": QUALITY, "g": str(EVERY), "bf": "0"}

    def pixel_format(self, height: int, width: int) -> str:
        return "yuv444p" if height % 2 or width % 2 else "yuv420p"  # half as many colours fit even sizes alone

    def codes(self, frame: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
        """As it is encoded."""
        return frame

    def encoded(self, codes: UInt8[np.ndarray, "H W 3"]) -> Any:
        import av

        return av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), "rgb24")

    def decoded(self, frame: Any) -> UInt8[np.ndarray, "H W 3"]:
        return frame.to_ndarray(format="rgb24")

    def compare(self, frame: UInt8[np.ndarray, "H W 3"], decoded: UInt8[np.ndarray, "H W 3"]) -> None:
        self.errors.append(float(((frame.astype(np.float64) - decoded) ** 2).mean()))

    def said(self) -> str:
        return f"PSNR {decibels(float(np.mean(self.errors)))}, of the worst frame {decibels(max(self.errors))}"

    def info(self) -> dict[str, Any]:
        return {"video.crf": int(QUALITY), "video.extra_options": {"bf": "0"}, "is_depth_map": False}


@dataclass
class Depths:
    """Likewise float32 [H, W], in metres from `nearest` to `farthest`; what is beyond is taken to be there."""

    nearest: float
    farthest: float
    codec: str = "libx265"
    channels: int = 1
    levels: Float[np.ndarray, " L"] = field(init=False)
    worst: float = 0.0
    beyond: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        self.levels = self.nearest * (self.farthest / self.nearest) ** (np.arange(CODES) / (CODES - 1))

    @classmethod
    def between(cls, blocks: Blocks) -> Depths:
        """That spans these depths."""
        nearest, farthest = math.inf, 0.0
        for block in blocks:
            known = block[np.isfinite(block) & (block >= NEAREST)]
            if known.size:
                nearest, farthest = min(nearest, float(known.min())), max(farthest, float(known.max()))
        if not farthest:
            nearest = farthest = 1.0
        return cls(nearest, max(farthest, nearest * 1.01))

    @property
    def options(self) -> dict[str, str]:
        return {"g": str(EVERY), "x265-params": "lossless=1:bframes=0:log-level=none"}

    def pixel_format(self, height: int, width: int) -> str:
        return "gray12le"

    def codes(self, frame: Float[np.ndarray, "H W"]) -> Int[np.ndarray, "H W 1"]:
        known = np.nan_to_num(frame.astype(np.float64), nan=self.farthest, posinf=self.farthest, neginf=self.nearest)
        share = np.log(known.clip(self.nearest, self.farthest) / self.nearest) / math.log(self.farthest / self.nearest)
        return np.rint(share * (CODES - 1)).astype(np.int64)[..., None]

    def encoded(self, codes: Int[np.ndarray, "H W 1"]) -> Any:
        import av

        height, width = codes.shape[:2]
        frame = av.VideoFrame(width, height, "gray12le")
        lines = np.zeros((height, frame.planes[0].line_size // 2), "<u2")
        lines[:, :width] = codes[..., 0]
        frame.planes[0].update(lines.tobytes())
        return frame

    def decoded(self, frame: Any) -> Float[np.ndarray, "H W"]:
        plane = frame.planes[0]
        lines = np.frombuffer(bytes(plane), "<u2").reshape(-1, plane.line_size // 2)
        return self.levels[lines[: frame.height, : frame.width]]

    def compare(self, frame: Float[np.ndarray, "H W"], decoded: Float[np.ndarray, "H W"]) -> None:
        known = np.isfinite(frame) & (frame >= self.nearest) & (frame <= self.farthest)
        self.beyond += int((~known).sum())
        self.count += known.size
        if known.any():
            self.worst = max(self.worst, float((np.abs(decoded - frame)[known] / frame[known]).max()))

    def said(self) -> str:
        beyond = f", {100 * self.beyond / self.count:.2g} % beyond" if self.beyond else ""
        return f"{self.nearest:.3g} to {self.farthest:.3g} m within {100 * self.worst:.2g} %{beyond}"

    def info(self) -> dict[str, Any]:
        return {
            "video.extra_options": {"x265-params": "lossless=1"}, "video.depth_min": self.nearest,
            "video.depth_max": self.farthest, "video.shift": 0.0, "video.use_log": True, "depth_unit": "m",
            "is_depth_map": True,
        }  # fmt: skip


Coding = Colours | Depths


def decibels(error: float) -> str:
    """PSNR of a mean squared error of values from 0 to 255."""
    return f"{10 * math.log10(255**2 / error):.1f} dB" if error else "without loss"


class VideoFiles:
    """The files of one key. `append` is given an episode's frames, and how to get them again, for comparison.

    Args:
        folder: of the dataset. size: (height, width) of all frames. rate: frames a second.
    """

    def __init__(self, folder: Path, key: str, coding: Coding, size: tuple[int, int], rate: Fraction):
        self.folder, self.key, self.coding, self.size, self.rate = folder, key, coding, size, rate
        self.pixel_format = coding.pixel_format(*size)
        self._number = -1  # of the file
        self._frames = self._bytes = 0  # in it
        self._sources: list[Again] = []
        self._container: Any = None

    def append(self, again: Again) -> tuple[dict[str, Any], Stats]:
        """Where the episode's frames are now, in LeRobot's words, and their statistics.

        Raises:
            GenieGymError: a frame has another size.
        """
        if self._container is None or self._bytes > FILE_MEGABYTES << 20:
            self.close()
            self._begin()
        begin, histogram = self._frames, np.zeros((self.coding.channels, len(self.coding.levels)), np.int64)
        for frame in chain.from_iterable(again()):
            if frame.shape[:2] != self.size:
                raise GenieGymError(
                    f"{self.key} has frames of {frame.shape[:2]} and of {self.size} (height, width); LeRobot takes one size."
                )
            codes: np.ndarray = self.coding.codes(frame)
            for channel in range(self.coding.channels):
                histogram[channel] += np.bincount(codes[..., channel].ravel(), minlength=histogram.shape[1])
            self._encode(codes)
        self._sources.append(again)
        chunk, file = divmod(self._number, FILES_A_CHUNK)
        place = {
            "chunk_index": chunk, "file_index": file,
            "from_timestamp": float(begin / self.rate), "to_timestamp": float(self._frames / self.rate),
        }  # fmt: skip
        return place, stats_of_levels(histogram, self.coding.levels, self._frames - begin)

    def close(self) -> None:
        """Finishes the file, and compares what is in it with the source."""
        if self._container is None:
            return
        self._mux(None)
        self._container.close()
        self._container = None
        self._compare()
        self._sources.clear()

    def feature(self) -> dict[str, Any]:
        """As the dataset's info.json describes it."""
        height, width = self.size
        info = {
            "video.height": height, "video.width": width, "video.pix_fmt": self.pixel_format,
            "video.codec": {"libx264": "h264", "libx265": "hevc"}[self.coding.codec],
            "video.channels": self.coding.channels, "has_audio": False, "video.g": EVERY, "video.video_backend": "pyav",
        }  # fmt: skip
        info["video.fps"] = int(self.rate) if self.rate.denominator == 1 else float(self.rate)
        shape = [height, width, self.coding.channels]
        names = ["height", "width", "channels"]
        return {"dtype": "video", "shape": shape, "names": names, "info": info | self.coding.info()}

    @property
    def _path(self) -> Path:
        chunk, file = divmod(self._number, FILES_A_CHUNK)
        return self.folder / "videos" / self.key / f"chunk-{chunk:03d}" / f"file-{file:03d}.mp4"

    def _begin(self) -> None:
        import av

        self._number += 1
        self._frames = self._bytes = 0
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._container = av.open(str(self._path), "w", options={"movflags": "faststart"})
            self._stream = self._container.add_stream(self.coding.codec, rate=self.rate, options=self.coding.options)
        except (av.error.FFmpegError, ValueError) as error:
            raise GenieGymError(f"this PyAV cannot write {self.coding.codec} ({error}); pip install -U av.") from error
        self._stream.height, self._stream.width = self.size
        self._stream.pix_fmt = self.pixel_format

    def _encode(self, codes: np.ndarray) -> None:
        frame = self.coding.encoded(codes)
        frame.pts, frame.time_base = self._frames, 1 / self.rate
        self._mux(frame)
        self._frames += 1

    def _mux(self, frame: Any) -> None:
        """Writes a frame; None, those that the encoder still holds."""
        import av

        try:
            packets = self._stream.encode(frame)
            self._bytes += sum(packet.size for packet in packets)
            self._container.mux(packets)
        except (av.error.FFmpegError, OSError) as error:
            height, width = self.size
            raise GenieGymError(f"could not write {height}x{width} frames to {self._path}: {error}.") from error

    def _compare(self) -> None:
        import av

        with av.open(str(self._path)) as container:
            decoded = (self.coding.decoded(frame) for frame in container.decode(video=0))
            source = chain.from_iterable(block for again in self._sources for block in again())
            count = 0
            for frame, seen in zip(source, decoded, strict=False):
                self.coding.compare(frame, seen)
                count += 1
        if count != self._frames:
            raise GenieGymError(
                f"of {self._frames} frames in {self._path} only {count} can be read again; pip install -U av."
            )
