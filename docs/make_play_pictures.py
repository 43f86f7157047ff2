"""The pictures and the clip of docs/play.md and the README, as a browser shows the page.

    python docs/make_play_pictures.py

It needs Chromium (`make browser`), and fonts for Chinese (`apt-get install fonts-noto-cjk`).
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import av
from PIL import Image

from genie_gym.visual import save_mp4

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "web"))

from browser import opened, served  # noqa: E402

IMAGES = Path(__file__).parent / "images"
PROMPT = "a medieval town with a castle at noon"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def main() -> None:
    with served("genie3", "--prompt", PROMPT, "--seed", "0") as address:
        with opened(address) as page:
            begin(page)
            walk(page, "ArrowLeft", 1.0)
            say(page, "#event", "a robot appears that follows me")
            page.wait_for_timeout(1500)
            shoot(page, "play_desktop.jpg")
            clip(page)
        with opened(address, color_scheme="dark") as page:
            begin(page)
            say(page, "#prompt", "雪地里有一座教堂和两个雪人")
            walk(page, "ArrowLeft", 1.5)
            page.click("#views button[data-name=scene]")
            say(page, "#event", "night falls")
            page.wait_for_timeout(1500)
            shoot(page, "play_dark.jpg")
        with opened(address, **PHONE) as page:
            begin(page)
            page.wait_for_timeout(2000)
            shoot(page, "play_phone.jpg")


def begin(page: Any) -> None:
    page.wait_for_function("() => genie.frame > 24", timeout=60_000)
    page.focus("#view")


def walk(page: Any, key: str, seconds: float) -> None:
    page.focus("#view")
    page.keyboard.down(key)
    page.wait_for_timeout(1000 * seconds)
    page.keyboard.up(key)


def say(page: Any, field: str, text: str) -> None:
    page.fill(field, text)
    page.wait_for_timeout(600)
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    page.focus("#view")


def shoot(page: Any, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(IMAGES / name, quality=82)
    print(name, page.inner_text("#line"))


def clip(page: Any) -> None:
    """Snow, a walk, night: the last seconds, as the page keeps them."""
    say(page, "#event", "it starts to snow")
    walk(page, "ArrowRight", 1.5)
    walk(page, "w", 1.5)
    say(page, "#event", "night falls")
    walk(page, "ArrowLeft", 2.0)
    with page.expect_download() as saved:
        page.click("#clip")
    with av.open(str(saved.value.path())) as film:
        frames = [frame.reformat(640, 360, "rgb24").to_ndarray() for frame in film.decode(video=0)]
    save_mp4(IMAGES / "play.mp4", frames, 24)
    print("play.mp4", round((IMAGES / "play.mp4").stat().st_size / 1e6, 1), "MB")


if __name__ == "__main__":
    main()
