"""A window on the screen that shows frames at a steady rate: `render_mode="human"`.

Legend: H W image.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError
from genie_gym.visual import resize

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
LEAST = 640  # pixels of the window's longer side


class Window:
    """Opens with the first frame. Small frames are shown as large as whole multiples of their pixels allow.

    Raises:
        GenieGymError: there is no pygame.
    """

    def __init__(self, title: str, fps: float):
        try:
            self._pygame: Any = importlib.import_module("pygame")
        except ImportError:
            raise GenieGymError("a window needs pygame: pip install 'genie-gym[play]'.") from None
        self.title, self.fps = title, fps
        self._screen: Any = None
        self._clock: Any = None

    def show(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        """Shows a frame, no sooner than the rate allows.

        Raises:
            GenieGymError: there is no screen to open a window on.
        """
        pygame = self._pygame
        factor = max(1, LEAST // max(frame.shape[:2]))
        large = resize(frame, (frame.shape[0] * factor, frame.shape[1] * factor)) if factor > 1 else frame
        if self._screen is None:
            _choose_driver()
            try:
                pygame.display.init()
                self._screen = pygame.display.set_mode((large.shape[1], large.shape[0]))
            except pygame.error as error:
                raise GenieGymError(
                    f"no window opens here ({error}); use render_mode='rgb_array', or genie-gym play for a page."
                ) from None
            pygame.display.set_caption(self.title)
            self._clock = pygame.time.Clock()
        self._screen.blit(pygame.surfarray.make_surface(np.ascontiguousarray(large.swapaxes(0, 1))), (0, 0))
        pygame.event.pump()  # else the system takes the window for one that hangs
        pygame.display.flip()
        self._clock.tick(self.fps)

    def close(self) -> None:
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None


def _choose_driver() -> None:
    """Where there is no screen SDL would take its driver "offscreen", which shares EGL with simulators and ends it for them
    when a window closes. So that what opens windows for a moment (Gymnasium's `check_env`) works there, none is shown."""
    has_screen = not sys.platform.startswith("linux") or any(os.environ.get(name) for name in SCREENS)
    if not has_screen and "SDL_VIDEODRIVER" not in os.environ:
        warnings.warn("there is no screen here: render_mode='human' shows its frames nowhere.", UserWarning, stacklevel=4)
        os.environ["SDL_VIDEODRIVER"] = "dummy"
