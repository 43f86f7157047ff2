"""Pictures for people: contact sheets, GIFs and mp4s. All images are uint8 [..., H, W, 3].

Legend: R rows of a sheet, T time, H W image.
"""

from __future__ import annotations

import io
import struct
import textwrap
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from genie_gym.errors import GenieGymError
from genie_gym.files import beside

CAPTION_HEIGHT = 12
TITLE_HEIGHT, LETTER_WIDTH = 14, 6  # pixels
BROKEN_IMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)  # what Pillow raises
CLIPS = (".mp4", ".gif", ".png")
SHOWN, ABREAST = 16, 4  # frames of a clip as one picture


def grid(
    rows: np.ndarray | Sequence[np.ndarray],
    scale: int = 1,
    gap: int = 2,
    labels: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    title: str = "",
) -> np.ndarray:
    """Rows of frames ([R, T, H, W, 3]) as one picture, enlarged by whole pixels, with a label left of each row, a caption
    under each frame and a title above where given."""
    rows = [np.asarray(row).repeat(scale, axis=1).repeat(scale, axis=2) for row in rows]
    height, width = rows[0].shape[1:3]
    margin = 8 + 7 * max(len(label) for label in labels) if labels else 0
    pitch = height + gap + (CAPTION_HEIGHT if captions else 0)
    columns = max(len(row) for row in rows)
    sheet = np.full((len(rows) * pitch + gap, margin + columns * (width + gap) + gap, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for t, frame in enumerate(row):
            top, left = gap + r * pitch, margin + gap + t * (width + gap)
            sheet[top : top + height, left : left + width] = frame
    if not labels and not captions:
        return _titled(sheet, title)
    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    for r, label in enumerate(labels):
        draw.text((4, gap + r * pitch + height // 2 - 6), label, fill=(0, 0, 0))
    for r, texts in enumerate(captions):
        for t, text in enumerate(texts):
            draw.text((margin + gap + t * (width + gap) + 2, r * pitch + gap + height), text, fill=(0, 0, 0))
    return _titled(np.asarray(image), title)


def _titled(sheet: np.ndarray, title: str) -> np.ndarray:
    """The picture with a title above, in as many lines as it takes."""
    if not title:
        return sheet
    lines = textwrap.wrap(title, max(10, (sheet.shape[1] - 8) // LETTER_WIDTH))
    band = Image.new("RGB", (sheet.shape[1], 4 + TITLE_HEIGHT * len(lines)), (255, 235, 200))
    draw = ImageDraw.Draw(band)
    for k, line in enumerate(lines):
        draw.text((4, 2 + TITLE_HEIGHT * k), line, fill=(120, 0, 0))
    return np.concatenate([np.asarray(band), sheet])


def action_label(action: Any) -> str:
    """A short caption for an action: its number, or the first few values of a vector."""
    if np.ndim(action) == 0:
        return f"a={action}"
    return "a=" + " ".join(f"{value:.1f}" for value in np.ravel(action)[:3])


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3] to uint8 [height, width, 3], area-averaged."""
    return np.array(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BOX))


def crop_to_aspect(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest part of uint8 [H, W, 3] around its centre with the aspect of `size` (height, width)."""
    height, width = image.shape[:2]
    rows = min(height, max(1, round(width * size[0] / size[1])))
    columns = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


def fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3] to uint8 [height, width, 3]: the centre is cut out at this aspect, and scaled."""
    return resize(np.ascontiguousarray(crop_to_aspect(image, size)), size)


def read_image(image: str | Path | bytes | np.ndarray) -> np.ndarray:
    """An image file (PNG, JPEG …) of any kind, its bytes, or an array, as uint8 [H, W, 3]: the way up that the camera says,
    what is transparent on white.

    Raises:
        GenieGymError: no such file, no image, or an array of another shape or type.
    """
    if isinstance(image, str | Path | bytes):
        try:
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
                upright = ImageOps.exif_transpose(opened)
                if upright.mode.startswith("I;16"):  # converted, every value above 255 would be white
                    return np.repeat((np.asarray(upright) >> 8).astype(np.uint8)[..., None], 3, axis=2)
                if "A" in upright.getbands() or "transparency" in upright.info:
                    clear = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
                return np.asarray(upright.convert("RGB"))
        except BROKEN_IMAGE as error:
            which = "" if isinstance(image, bytes) else f" {str(image)!r}"
            raise GenieGymError(f"cannot read the image{which}: {error}.") from error
    try:
        image = np.asarray(image)
    except ValueError as error:  # ragged lists
        raise GenieGymError(f"an image is uint8 [H, W, 3]; given something ragged: {error}.") from error
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise GenieGymError(f"an image is uint8 [H, W, 3]; given {image.dtype} {list(image.shape)}.")
    return image


def png_bytes(image: np.ndarray) -> bytes:
    """uint8 [H, W, 3] as a PNG file has it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def save_png(path: str | Path, image: np.ndarray) -> None:
    with beside(path) as part:
        Image.fromarray(image).save(part)


def save_gif(path: str | Path, frames: np.ndarray, fps: float) -> None:
    """A looping GIF of uint8 [T, H, W, 3], with one palette for all frames so that still parts stay still."""
    palette = Image.fromarray(frames.reshape(-1, *frames.shape[2:])).quantize(256, dither=Image.Dither.NONE)
    images = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    with beside(path) as part:
        images[0].save(part, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0)


def save_mp4(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """H.264 of frames uint8 [H, W, 3], one after the other, written beside and renamed. Odd sizes grow by one pixel."""
    import av

    with beside(path) as part, av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps), options={"crf": "18"})
        for number, frame in enumerate(frames):
            even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
            if number == 0:
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


def save_clip(path: str | Path, frames: np.ndarray, fps: float) -> None:
    """uint8 [T, H, W, 3] as its name says: .mp4, .gif, or .png, up to `SHOWN` of the frames side by side with their numbers.

    Raises:
        GenieGymError: for another name.
    """
    suffix = check_clip_name(path)
    if suffix == ".mp4":
        save_mp4(path, frames, fps)
    elif suffix == ".gif":
        save_gif(path, frames, fps)
    else:
        shown = np.linspace(0, len(frames) - 1, min(SHOWN, len(frames))).round().astype(int)
        rows = [shown[first : first + ABREAST] for first in range(0, len(shown), ABREAST)]
        save_png(path, grid([frames[row] for row in rows], captions=[[str(number) for number in row] for row in rows]))


def check_clip_name(path: str | Path) -> str:
    """The suffix of a clip's file.

    Raises:
        GenieGymError: for one that clips do not have.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CLIPS:
        raise GenieGymError(f"a clip is written as {', '.join(CLIPS)}; given {str(path)!r}.")
    return suffix
