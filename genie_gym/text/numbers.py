"""Numbers as they are written: digits, English words up to a hundred, Chinese numerals below a thousand."""

from __future__ import annotations

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_ENGLISH = {word: value for value, word in enumerate(_ONES)}
_TENS = {
    word: 10 * k for k, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_CHINESE = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"两": 2}
_DIGIT_WORDS = "|".join(list(_ENGLISH)[1:10])
# What a number looks like: groups of no name, longest first.
ENGLISH = (
    rf"(?:\d+(?:\.\d+)?|(?:{'|'.join(_TENS)})(?:[ -](?:{_DIGIT_WORDS}))?|"
    rf"{'|'.join(sorted(_ENGLISH, key=len, reverse=True))}|(?:a|one) hundred)"
)
CHINESE = r"(?:\d+(?:\.\d+)?|[零一二两三四五六七八九十百]+)"


def number(text: str) -> float:
    """The value of what matched `ENGLISH` or `CHINESE`."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text[:12])
    if text.isascii():
        tens, _, ones = text.replace("-", " ").partition(" ")
        if ones == "hundred":
            return 100.0
        return float(_TENS[tens] + _ENGLISH.get(ones, 0) if tens in _TENS else _ENGLISH[tens])
    hundreds, _, rest = text.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    value = 100 * (_CHINESE.get(hundreds[-1:], 1) if "百" in text else 0)
    value += 10 * _CHINESE.get(tens[-1:], 1) if ten else 0
    return float(value + _CHINESE.get((ones or "零")[-1], 0))
