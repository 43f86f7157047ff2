"""Unknown words: which of them may be left out, and which say something that cannot be done; and words of no effect.

"Add a huge ball" is about a ball; "paint the ball" is about painting, and no request for a ball.
"""

from __future__ import annotations

import re

from genie_gym.text.lexicon import Concept
from genie_gym.text.tokens import Report, Token

THINGS = frozenset(("landmark", "object", "character", "crowd"))
NAMED = THINGS | {"scene", "weather", "season", "time", "quantity", "physics", "clouds"}
_BOUNDS = ("stop", "comma")
# Words that need no line in a report: these categories, but for words of a value, and articles.
_GRAMMAR = {
    *("stop", "comma", "list", "filler", "of", "and", "break", "determiner", "attribute", "possessive", "after"),
    *("to", "into", "near", "not", "all", "bit", "away"),
}
_ARTICLES = (("number", 1), ("turn", "from"), ("determiner", True), ("determiner", False))
# What these words belong to: without any of it they are of something that is not shown.
_ABOUT = {"ground": {"weather", "season", "friction"}, "sky": {"weather", "season", "time", "light", "clouds"}}


def strangers(said: list[Token]) -> list[str]:
    """The unknown words that are neither adjectives nor adverbs. Marks the things that only belong to one of them."""
    found = []
    for k, token in enumerate(said):
        if token.concept.category != "unknown":
            continue
        if not _is_adjective(said, k) and not (token.text.isascii() and token.text.endswith("ly")):
            found.append(token.text)
            _mark_owner(said, k)
    return found


def _is_adjective(said: list[Token], k: int) -> bool:
    """Whether an unknown word (with others like it) stands before a name, and is not the clause's first word before a thing:
    that would be its verb."""
    end = k
    while said[end].concept.category == "unknown" or (end > k and said[end].concept.category == "possessive"):
        end += 1
    begin = k
    while begin and said[begin - 1].concept.category == "unknown":
        begin -= 1
    name, before = said[end].concept.category, said[begin - 1].concept.category if begin else "stop"
    if name not in NAMED or before in ("possessive" if name in THINGS else "", "filler" if name in THINGS else ""):
        return name in NAMED and before == "possessive"
    return name not in THINGS or before not in (*_BOUNDS, *THINGS)


def _mark_owner(said: list[Token], k: int) -> None:
    """The thing that has the unknown: "the roof of the castle", "the castle walls", 「城堡的屋顶」."""
    after = [token for token in said[k + 1 : k + 4] if token.concept.category != "determiner"]
    if len(after) > 1 and after[0].concept.category == "of":
        after[1].modifier = True
    before = [token for token in said[max(k - 2, 0) : k] if token.concept.category != "possessive"]
    if before and before[-1].concept.category in THINGS:
        before[-1].modifier = True


def untold(said: list[Token], report: Report) -> list[str]:
    """The words that are in no line of a report, were not needed to read others, and are more than grammar."""
    lines = "\n".join([*report.understood, *report.ignored, *report.assumed])
    named = {_subject(token.concept) for token in said}
    words = [token.text for token in said if not token.told and not _is_grammar(token.concept, named)]
    return [text for text in dict.fromkeys(words) if not re.search(rf"(?<![a-z]){re.escape(text)}(?![a-z])", lines)]


def _subject(concept: Concept) -> str:
    """What is named: for a quantity which."""
    if concept.category in ("physics", "quantity"):
        return str(concept.value if concept.category == "quantity" else concept.value[0])
    return concept.category


def _is_grammar(concept: Concept, named: set[str]) -> bool:
    if concept.category == "filler" and concept.value in _ABOUT:
        return not named.isdisjoint(_ABOUT[concept.value])
    return (concept.value is None and concept.category in _GRAMMAR) or (concept.category, concept.value) in _ARTICLES
