"""The play page as a person uses it."""

import zipfile

import minari
import numpy as np
import pytest
from browser import CHROMIUM, opened, served

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: make browser installs it")
SEEN = """() => {
    const canvas = document.getElementById("view"), pen = canvas.getContext("2d");
    return [...pen.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, k) => k % 97 === 0)];
}"""


def pixels(page) -> np.ndarray:
    return np.array(page.evaluate(SEEN), float)


def frames_on(page, count: int) -> None:
    now = page.evaluate("() => genie.frame")
    page.wait_for_function(f"() => genie.frame >= {now + count}", timeout=30_000)


def test_a_person_plays(tmp_path, monkeypatch):
    with (
        served("genie3", "--size", "90", "160", "--prompt", "a village", "--max-visitors", "1") as address,
        opened(address) as page,
    ):
        page.wait_for_function("() => genie.frame > 3", timeout=60_000)
        assert "upscaled" in page.inner_text("#sizes")
        before = pixels(page)
        page.focus("#view")
        page.keyboard.down("d")
        page.keyboard.down("ArrowRight")
        frames_on(page, 12)
        page.keyboard.up("ArrowRight")
        page.keyboard.up("d")
        turned = pixels(page)
        assert np.abs(turned - before).mean() > 5
        assert page.evaluate("() => genie.latencies.length") > 0

        page.fill("#event", "night falls")
        page.wait_for_function("() => document.getElementById('event-told').innerText.includes('understood')")
        page.keyboard.press("Enter")
        frames_on(page, 6)
        night = pixels(page)
        assert night.mean() < 0.8 * turned.mean()
        page.fill("#event", "blorp the zonk")
        page.wait_for_selector("#event-told .no")

        page.click("#views button[data-name=depth]")
        frames_on(page, 4)
        assert np.abs(pixels(page) - night).mean() > 5
        page.click("#views button[data-name=rgb]")

        page.fill("#prompt", "雪地里有一座教堂")
        page.wait_for_function("() => document.getElementById('prompt-told').innerText.includes('understood')")
        page.keyboard.press("Enter")
        page.wait_for_function("() => genie.frame < 20", timeout=30_000)
        page.wait_for_function("() => genie.frame > 30", timeout=30_000)
        page.click("#save")
        page.wait_for_selector("#saved button")
        page.evaluate(
            "() => { const t = document.getElementById('time'); t.value = 0; t.dispatchEvent(new Event('change')); }"
        )
        page.wait_for_function("() => genie.frame < 25", timeout=30_000)

        page.click("#record")
        page.wait_for_function("() => !document.getElementById('dataset').hidden")
        frames_on(page, 10)
        with page.expect_download() as clip:
            page.click("#clip")
        assert clip.value.path().read_bytes()[4:8] == b"ftyp"
        with page.expect_download() as play:
            page.click("#dataset")
        zipfile.ZipFile(play.value.path()).extractall(tmp_path)
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
        (episode,) = minari.load_dataset("play-v0").iterate_episodes()
        assert len(episode.actions) >= 8

        other = page.context.new_page()
        other.goto(address)
        other.wait_for_function("() => document.getElementById('cover-text').innerText.includes('number 1 in line')")
        page.close()
        other.wait_for_function("() => genie.frame > 3", timeout=30_000)
