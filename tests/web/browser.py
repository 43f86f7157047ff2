"""A real browser on the play page: headless Chromium, where it is installed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"]


@contextlib.contextmanager
def served(*options: str) -> Iterator[str]:
    """`genie-gym play` with these options, in a process of its own; its address."""
    command = [sys.executable, "-m", "genie_gym", "play", *options, "--port", "0"]
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"ready: (http://\S+)", line):
                    yield found[1]
                    return
            raise AssertionError(f"it did not start: {''.join(said)}")
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def opened(address: str, **options: Any) -> Iterator[Any]:
    """A page of the browser at this address; `options` of the browser's context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        page = context.new_page()
        page.goto(address)
        try:
            yield page
        finally:
            browser.close()
