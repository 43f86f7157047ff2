"""Clock times and durations in a text: "half past six", "two hours later", 「差一刻九点」, 「再过两个小时」.

They are found before the words are read, because their words mean other things elsewhere. Hours are floats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from genie_gym.text.numbers import CHINESE, ENGLISH, number


@dataclass(frozen=True)
class Moment:
    """A piece of text, where it begins and ends, and what it says.

    `kind`: "time" (an hour; None where the day has none such), "shift" (so many hours later, or earlier where negative),
    "duration" (neither later nor earlier).
    """

    begin: int
    end: int
    kind: str
    hours: float | None


_PART = (
    r"(?:\s*(?P<meridiem{0}>am|pm|a\.m\.|p\.m\.)(?![a-z])|\s+(?:in the (?:early |late )?"
    r"(?P<day_part{0}>morning|afternoon|evening)|(?P<night{0}>at night|tonight)))"
)
_TO_END = r"(?=\s*(?:$|[.,;!?]|in the|at night|tonight|am\b|pm\b|o'clock))"
_CLOCKS = (
    rf"half past (?P<half>{ENGLISH})",
    rf"(?:an? )?quarter (?P<quarter>past|after|to|before|of) (?P<quartered>{ENGLISH})",
    rf"(?P<minutes>{ENGLISH}) (?:minutes? )?past (?P<past>{ENGLISH})",
    rf"(?<!from )(?<![\d.])(?P<minutes_to>{ENGLISH}) (?:minutes to (?P<to>{ENGLISH})|to (?P<shortly>{ENGLISH}){_TO_END})",
    r"(?P<digital>\d{1,2}):(?P<digital_minutes>\d{2})",
    rf"(?P<worded>{ENGLISH}) (?P<worded_minutes>thirty|fifteen|forty[- ]five)\b(?! ?[a-z])",
    rf"(?P<oclock>{ENGLISH}) ?o'? ?clock",
    rf"(?<!gravity )(?<!friction )at (?P<bare>{ENGLISH})(?=\s*(?:$|[.,;!?]))",
)
# The part of the day alone makes a number a time: "nine in the evening", "3pm".
_CLOCK = re.compile(rf"\b(?:(?:{'|'.join(_CLOCKS)}){_PART.format(1)}?|(?P<named>{ENGLISH}){_PART.format(2)})")
_ZH_PART = r"(?:(?P<part>凌晨|清晨|早晨|早上|上午|中午|下午|午后|傍晚|晚上|夜里|夜晚|半夜|今晚|明早)的?)?"
_ZH_MINUTES = rf"(?:半|[一三]刻|{CHINESE}分?)"
_ZH_CLOCK = re.compile(
    rf"{_ZH_PART}\s*(?:差(?P<before>{_ZH_MINUTES})(?:钟|到)?(?P<next>{CHINESE})点"
    rf"|(?P<hour>{CHINESE})\s*[点时](?P<whole>钟|整)?(?:差(?P<lacking>{_ZH_MINUTES})|[零过]?(?P<after>{_ZH_MINUTES}))?)"
)
_UNITS = {"h": 1.0, "m": 1 / 60, "d": 24.0, "小": 1.0, "钟": 1.0, "分": 1 / 60, "刻": 0.25, "天": 24.0}
_SOME = {
    "a": 1,
    "an": 1,
    "another": 1,
    "half an": 0.5,
    "half a": 0.5,
    "half": 0.5,
    "a few": 3,
    "several": 4,
    "a couple of": 2,
}
_SOME |= {"半": 0.5, "几": 3}
_DURATION = re.compile(
    rf"\b(?P<count>{ENGLISH}|a few|several|a couple of|half an?|half|another|an?)(?: and an? (?P<more>half|quarter))? "
    r"(?P<unit>h(?:ou)?rs?|min(?:ute)?s?|days?)\b(?: and a (?P<rest>half|quarter))?"
)
_ZH_DURATION = re.compile(rf"(?<!第)(?P<count>{CHINESE}|半|几)个?(?P<more>半)?(?:多)?(?P<unit>小时|钟头|刻钟|分钟|天)")
_EARLIER = re.compile(
    r"(?<![a-z])(?:earlier|ago|before(?! me)|back(?:wards?)?|rewind|sooner|into the past)(?![a-z])|"
    r"倒退|倒回|倒流|后退|退回|往回|回到|提前|提早|早(?![上晨])|[之以]?前(?![面方进])"
)
_LATER = re.compile(
    r"(?<![a-z])(?:later|from now|after|ahead|forwards?|fast[- ]forward|skip|wait|advance|into the future)(?![a-z])|"
    r"(?<![a-z])(?:pass(?:es)?|goe?s? by|in|next)(?![a-z])|"
    r"前进|快进|跳过|推后|推迟|往后|再过|过|等|晚(?!上)|[之以]?后(?![面方退])"
)


def moments(text: str) -> tuple[str, list[Moment]]:
    """All clock times and durations of a text in lower case, in order.

    Returns:
        The text with the words blanked that say whether a duration is later or earlier, and the moments.
    """
    found = list(_clocks(text))
    for moment in _durations(text):
        if any(moment.begin < other.end and other.begin < moment.end for other in found):
            continue
        begin, end = _clause(text, moment.begin, moment.end)
        text, sign = _direction(text, begin, end, moment)
        found.append(Moment(moment.begin, moment.end, "shift", sign * (moment.hours or 0)) if sign else moment)
    return text, sorted(found, key=lambda moment: moment.begin)


def _clause(text: str, begin: int, end: int) -> tuple[int, int]:
    stops = [match.start() for match in re.finditer(r"[,.;!?\n。、](?!\d)", text)]
    return max((stop + 1 for stop in stops if stop < begin), default=0), min(
        (s for s in stops if s >= end), default=len(text)
    )


def _direction(text: str, begin: int, end: int, moment: Moment) -> tuple[str, int]:
    """Text with the words of the clause blanked that say later (1) or earlier (-1), and which; 0 where none does."""
    around = ((begin, moment.begin), (moment.end, end))
    for words, sign in ((_EARLIER, -1), (_LATER, 1)):
        if any(words.search(text, low, high) for low, high in around):
            for low, high in around:
                for either in (_EARLIER, _LATER):
                    text = text[:low] + either.sub(lambda match: " " * len(match.group()), text[low:high]) + text[high:]
            return text, sign
    return text, 0


def _durations(text: str) -> Iterator[Moment]:
    for pattern in (_DURATION, _ZH_DURATION):
        for match in pattern.finditer(text):
            parts = match.groupdict()
            count = float(_SOME[parts["count"]]) if parts["count"] in _SOME else number(parts["count"])
            extra = {None: 0.0, "half": 0.5, "半": 0.5, "quarter": 0.25}
            count += extra[parts.get("more")] + extra[parts.get("rest")]
            yield Moment(match.start(), match.end(), "duration", count * _UNITS[parts["unit"][0]])


def _clocks(text: str) -> Iterator[Moment]:
    for match in _CLOCK.finditer(text):
        parts = {name: value for name, value in match.groupdict().items() if value}
        part = next((value for name, value in parts.items() if name.startswith(("meridiem", "day_part", "night"))), "")
        yield Moment(match.start(), match.end(), "time", _in_day(*_english_hour(parts), part.replace(".", "")))
    for match in _ZH_CLOCK.finditer(text):
        parts = {name: value for name, value in match.groupdict().items() if value}
        if parts.get("hour") == "一" and not {"part", "whole", "lacking", "after"} & set(parts):
            continue  # 「亮一点」 is a little brighter
        yield Moment(match.start(), match.end(), "time", _in_day(*_chinese_hour(parts), parts.get("part", "")))


def _english_hour(parts: dict[str, str]) -> tuple[float, float]:
    """The hour on the clock, and minutes after it (or before it, where negative)."""
    for name in ("bare", "oclock", "named", "half", "quartered", "past", "to", "shortly", "digital", "worded"):
        if name in parts:
            hour = number(parts[name])
    minutes = 30.0 if "half" in parts else 0.0
    if "quarter" in parts:
        minutes = 15.0 if parts["quarter"] in ("past", "after") else -15.0
    for name, sign in (("minutes", 1), ("minutes_to", -1), ("digital_minutes", 1), ("worded_minutes", 1)):
        minutes += sign * number(parts[name]) if name in parts else 0
    return hour, minutes


def _chinese_hour(parts: dict[str, str]) -> tuple[float, float]:
    def minutes(text: str) -> float:
        return {"半": 30.0, "一刻": 15.0, "三刻": 45.0}.get(text) or number(text.rstrip("分"))

    late, early = parts.get("after"), parts.get("before") or parts.get("lacking")
    return number(parts.get("hour") or parts["next"]), minutes(late) if late else -minutes(early) if early else 0.0


_LATE = ("pm", "afternoon", "evening", "下午", "午后", "傍晚", "晚上", "今晚")
_NIGHT = ("at night", "tonight", "夜里", "夜晚", "半夜")
_EARLY = ("am", "morning", "凌晨", "半夜", "at night", "晚上")  # their twelve is midnight


def _in_day(hour: float, minutes: float, part: str) -> float | None:
    """The hour of the day, from the clock's and the part of the day; None where there is no such time."""
    if hour > 24 or abs(minutes) >= 60:
        return None
    if hour < 12 and (part in _LATE or (part in _NIGHT and hour > 5) or (part == "中午" and hour < 11)):
        hour += 12
    elif hour == 12 and part in _EARLY:
        hour = 0
    total = hour + minutes / 60
    total = total + 24 if total < 0 else total
    return total if total <= 24 else None
