"""Gravity and friction as a text gives them: "gravity 5", "moon gravity", "half the friction", "20% less gravity"."""

from __future__ import annotations

from dataclasses import dataclass, field

from genie_gym.text.lexicon import VAGUE
from genie_gym.text.spec import EARTH_GRAVITY, FRICTION_RANGE, GRAVITY_RANGE
from genie_gym.text.tokens import Token

NORMAL = {"gravity": EARTH_GRAVITY, "friction": 1.0}
RANGES = {"gravity": GRAVITY_RANGE, "friction": FRICTION_RANGE}
STEP, SMALL_STEP = 2.0, 1.25  # what "more" and "a bit more" multiply by


@dataclass(frozen=True)
class Amount:
    """`base` (None: what it is now) times `factor`, plus `offset`. `assumed` says what was filled in."""

    base: float | None
    factor: float = 1.0
    offset: float = 0.0
    assumed: str = ""

    def of(self, now: float) -> float:
        return round((now if self.base is None else self.base) * self.factor + self.offset, 6)

    @property
    def vague(self) -> bool:
        """Whether it says a direction rather than an amount, as "low gravity" does."""
        return self.base in VAGUE and self.factor == 1 and not self.offset

    def agrees(self, other: Amount, quantity: str) -> bool:
        """Whether two amounts say the same: "on the moon with low gravity"."""
        if self.base is None or other.base is None:
            return self == other
        normal = NORMAL[quantity]
        one, two = self.of(normal), other.of(normal)
        return one == two or ((self.vague or other.vague) and (one - normal) * (two - normal) > 0)


@dataclass
class Asked:
    """What the words of one clause say about a quantity, or about how many: `amount` makes sense of them."""

    words: list[str] = field(default_factory=list)
    quantity: str | None = None
    base: float | None = None  # of "moon gravity"
    note: str = ""
    number: Token | None = None
    factor: float | None = None
    times: bool = False  # 「增加两倍」: the factor counts what is added
    percent: float | None = None
    more: Token | None = None  # "more", "fewer", "stronger" …
    small: bool = False
    to: bool = False
    normal: bool = False
    off: bool = False
    negated: bool = False

    @property
    def direction(self) -> int:
        """1 for more, -1 for less, 0 where neither is said."""
        return 0 if self.more is None else 1 if self.more.concept.category in ("more", "stronger") else -1

    @property
    def valued(self) -> bool:
        given = (self.base, self.number, self.factor, self.percent, self.more)
        return any(value is not None for value in given) or self.normal or self.off or self.negated

    def amount(self) -> Amount:
        assert self.quantity is not None
        normal, least = NORMAL[self.quantity], RANGES[self.quantity][0]
        if self.off or (self.negated and self.base is None):
            return Amount(least, assumed=f"{self.quantity} {least:g}, the least there is")
        if self.negated:
            return Amount(normal, assumed=f"normal {self.quantity}")
        base = self.base
        direction = 0 if self.to and base is not None else self.direction  # "down to moon gravity"
        if base is not None and base in VAGUE and (direction or self.factor):
            if base < normal and not direction:  # "twice as slippery" is half the friction that there is
                return Amount(None, 1 / self._factor(0))
            direction *= 1 if base > normal else -1  # "more slippery" is less
            base = None
        if self.normal and base is None:
            base = normal
        if self.factor is not None or self.percent is not None:
            return Amount(base, self._factor(direction))
        if self.number is not None:
            value = float(self.number.concept.value)
            return Amount(base, offset=direction * value) if direction and not self.to else Amount(value)
        if direction:
            step = SMALL_STEP if self.small else STEP
            factor = step if direction > 0 else 1 / step
            return Amount(base, factor, assumed=f"{self.quantity} times {factor:g}")
        return Amount(base, assumed=self.note)

    def _factor(self, direction: int) -> float:
        if self.percent is not None:
            return 1 + direction * self.percent / 100 if direction and not self.to else self.percent / 100
        assert self.factor is not None
        if self.to or not direction:
            return self.factor
        if direction > 0:  # "increase by half"
            return 1 + self.factor if self.factor < 1 or self.times else self.factor
        return 1 - self.factor if self.factor < 1 else 1 / self.factor
