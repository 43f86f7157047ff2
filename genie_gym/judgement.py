"""What a world is worth, as a value: a few numbers, and in plain words what is wrong with it.

`genie_gym.evaluation.judge` measures it; a world's folder keeps it (`judgement.json`). The sentences' thresholds are here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from genie_gym.errors import GenieGymError

NO_CONTROL_DB = 0.1
"""ΔtPSNR below which actions do nothing that anybody would see: Genie reports 1.91 dB, collapsed codes 0.02."""
FEW_CODES = 1.5
"""Perplexity below which one code stands for nearly everything: nine of ten transitions, where there are two codes."""
NO_SPREAD = 0.02
"""Standard deviation, of a range from -1 to 1, below which inferred vectors are all the same one."""
SEEN_SHARE = 0.001
"""Share of the pixels, below which nobody sees that two held actions led to different pictures: 4 of 64x64."""
MAX_PROBES, MAX_WORDS = 4096, 120  # how much a file may say


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Numbers of a few clips of video; what a world cannot be asked for (or a video is too short for) is None."""

    video: str
    """Which video: "its training video", "held-out video"."""
    clips: int
    frames: int = 0
    """Imagined frames of each clip that are compared."""
    rollout_psnr: float | None = None
    """Of these frames, in dB, as in docs/evaluation.md."""
    copy_psnr: float | None = None
    """The same with the first frame repeated."""
    over_copy_interval: tuple[float, float] | None = None
    """95 % bootstrap interval of the difference."""
    delta_psnr: float | None = None
    """ΔtPSNR at the fourth frame (or the last one, of shorter clips)."""
    delta_psnr_interval: tuple[float, float] | None = None
    codes: int | None = None
    """How many there are; None where actions are vectors."""
    code_perplexity: float | None = None
    action_spread: float | None = None
    """Of vectors: the mean standard deviation of an axis."""
    tokenizer_psnr: float | None = None
    difference: float | None = None
    """Share of the pixels by which the pictures that two held actions lead to differ, on average."""
    effects: Mapping[str, str] = field(default_factory=dict)
    """What each of the world's probes does, in words, by the name of the probe."""

    def sentences(self) -> list[str]:
        """What is wrong; nothing where all is well."""
        return [text for text in (self._fidelity(), self._control(), self._codes()) if text]

    def summary(self) -> str:
        """All that is wrong in one line, and by what it was found; "" where all is well."""
        return f"{'; '.join(self.sentences())} (measured on {self.video})" if self.sentences() else ""

    def report(self) -> list[str]:
        """For people who have just trained it: the verdict, and what its actions do."""
        well = "better than copying the first frame, and its actions count"
        if self.rollout_psnr is None:
            well = "it reads no actions off video, so it was compared with none"
        verdict = self.summary() or f"{well} (measured on {self.video})"
        does = ", ".join(f"{probe}: {words}" for probe, words in self.effects.items())
        return [f"the world as it is now: {verdict}", *([f"what its actions do: {does}"] if does else [])]

    def action_meanings(self) -> list[str] | None:
        """What each code does, in their order; None where actions are vectors, or nothing was measured."""
        if self.codes is None or len(self.effects) != self.codes:
            return None
        return list(self.effects.values())

    def _fidelity(self) -> str:
        if self.rollout_psnr is None or self.copy_psnr is None or self.over_copy_interval is None:
            return ""
        low, high = self.over_copy_interval
        if low > 0:
            return ""
        how = "worse" if high < 0 else "no better"
        text = f"{how} than copying the first frame: {self.rollout_psnr:.1f} dB where copying has {self.copy_psnr:.1f}"
        if self.tokenizer_psnr is not None and self.tokenizer_psnr < self.copy_psnr:
            text += f" (its tokenizer gives back real frames with {self.tokenizer_psnr:.1f} dB, which is the first limit)"
        return text

    def _control(self) -> str:
        if self.delta_psnr is not None and self.delta_psnr_interval is not None:
            if self.delta_psnr >= NO_CONTROL_DB and self.delta_psnr_interval[0] > 0:
                return ""
            low, high = self.delta_psnr_interval
            found = f"delta PSNR {self.delta_psnr:.2f} dB, 95 % interval {low:.2f} to {high:.2f}"
        elif self.difference is not None and self.difference < SEEN_SHARE:
            found = f"held from the same start, they lead to pictures that differ in {self.difference:.2%} of the pixels"
        else:
            return ""
        return f"its actions do nothing that can be measured ({found})"

    def _codes(self) -> str:
        if self.code_perplexity is not None and self.code_perplexity < FEW_CODES < (self.codes or 0):
            return f"it uses {self.code_perplexity:.1f} of {self.codes} codes"
        if self.action_spread is not None and self.action_spread < NO_SPREAD:
            return (
                f"all actions that it reads off video are the same (spread {self.action_spread:.3f} of a range from -1 to 1)"
            )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Judgement:
        """Raises `GenieGymError` for what `to_dict` does not return: the file may be anybody's, and is printed."""
        try:
            given = {f.name: _checked(f.name, values[f.name]) for f in fields(cls) if f.name in values}
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise GenieGymError(f"this is no judgement of a world: {error}.") from error


def _checked(name: str, value: Any) -> Any:
    if name == "effects":
        if not isinstance(value, dict) or len(value) > MAX_PROBES:
            raise ValueError(f"{name} holds text by name")
        return {_words(key): _words(text) for key, text in value.items()}
    if name == "video":
        return _words(value)
    if name.endswith("interval") and isinstance(value, list | tuple) and len(value) == 2:
        return _number(name, value[0]), _number(name, value[1])
    return None if value is None and name != "clips" else _number(name, value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is a number, not {json.dumps(value, default=str)[:40]}")
    return value


def _words(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MAX_WORDS or not text.isprintable():
        raise ValueError(f"printable text of at most {MAX_WORDS} letters is needed")
    return text
