"""Rules of a game as texts: "every coin you touch disappears and gives 2 points", "touching water ends the episode", "the
gate leads to a desert", 「碰到水就结束」. A small set of them: what happens when the player touches something of a kind;
anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from genie_gym.errors import GenieGymError
from genie_gym.text import numbers
from genie_gym.text.languages import check_language, plain
from genie_gym.text.spec import WATER, Rule
from genie_gym.text.tokens import MAX_CHARACTERS, Report
from genie_gym.text.vocabulary import TASK_THINGS, Vocabulary

EXAMPLES = (
    "'every coin you touch disappears and gives 1 point', 'touching water ends the episode', 'the gate leads to a desert'"
)
_TASK_WORDS = dict(zip(TASK_THINGS, (("coin", "金币", "硬币"), ("beacon", "信标")), strict=True))
_TOUCHES = re.compile(
    r"\b(?:touch|touch(?:es|ed|ing)|bump(?:s|ing)? into|run(?:s|ning)? into|walk(?:s|ing)? into|step(?:s|ping)? (?:in|on)"
    r"(?:to)?|fall(?:s|ing)? into|collect(?:s|ed|ing)?|pick(?:s|ed|ing)? up|hit(?:s|ting)?|reach(?:es|ed|ing)?|"
    r"(?:walk|go|goes|pass|passes|step|run)(?:s|ing)? through|enter(?:s|ing)?)\b|"
    r"碰|触|踩|撞|捡|摸|走进|掉进|收集|到达|穿过|走过|通过"
)
_LEADS = re.compile(  # what follows is where
    r"\bleads? (?:you |me |us |one )?(?:back )?(?:in)?to\b|"
    r"\b(?:takes?|brings?|teleports?|transports?|sends?) (?:you|me|us|one|the player) (?:back )?(?:in)?to\b|"
    r"\b(?:you|i|we|one) (?:are|am|is|come|comes|get|gets|arrive|arrives|ends? up|find yourself|go|goes) (?:out )?(?:in)?"
    r"(?:to|in|at)\b|通向|通往|(?:就)?(?:到了|来到|进入|去到|传送到|带你去|带我去)|就到"
)
_LEAD_ITSELF = re.compile(r"\bleads?\b|通向|通往")  # and need not be touched
_GOES = re.compile(
    r"\b(?:disappear(?:s|ing)?|vanish(?:es|ing)?|goes away|go away|is gone|are gone|(?:is|are|gets?) removed|removes?|"
    r"collect(?:s|ed|ing)?|pick(?:s|ed|ing)? up)\b|消失|不见|没了|移除|捡|收集"
)
_ENDS = re.compile(
    r"\bend(?:s|ing)? (?:the |an? )?(?:episode|game|round|level|run)|\b(?:episode|game|round) (?:is )?(?:over|ends?)|"
    r"game over|\b(?:you |i )?(?:die|dies|lose|win|wins)\b(?! ?\d| (?:a|one|two|three|four|five|ten|all) )|"
    r"结束|失败|胜利|通关|死|输|赢"
)
_LOSES, _WINS = re.compile(r"\b(?:die|dies|lose)\b|失败|死|输"), re.compile(r"\bwins?\b|胜利|通关|赢")
_POINTS = re.compile(
    rf"\b(?:an? )?rewards? (?:of )?(?P<of>-?\d+(?:\.\d+)?)|"
    rf"(?P<minus>\b(?:costs?|loses?|minus|takes?|deducts?)\b[^.,;]{{0,20}}?)?(?<![\w.])(?P<sign>[-+])?"
    rf"(?P<count>half an?|{numbers.ENGLISH}|\ban?\b)\s*(?:points?|rewards?|scores?)\b|"
    rf"(?P<chinese>得|加|扣|减|获得|奖励|失去)\s*(?P<fen>{numbers.CHINESE})\s*分"
)
_DENIES = re.compile(r"\b(?:not|never|don't|doesn't|won't|unless|without|no)\b|不(?!见)|别|没有|除非")
_WATER = re.compile(r"\b(?:water|lake|sea|river|pond|canal)s?\b|水|湖|海|河")


def is_rule(text: str) -> bool:
    """Whether a text says what happens when something is touched."""
    said = plain(text) if isinstance(text, str) else ""
    if leads := _LEADS.search(said):
        before = said[: leads.start()]
        return bool(_TOUCHES.search(before) or (before.strip() and _LEAD_ITSELF.match(leads[0])))
    return bool(_TOUCHES.search(said)) and any(part.search(said) for part in (_GOES, _ENDS, _POINTS))


def parse_rule(text: str, vocabulary: Vocabulary) -> tuple[Rule, Report]:
    """The rule that a text asks for, in the words of a vocabulary, and what was understood of it.

    Raises:
        GenieGymError: for a text that is no rule, or one that is not known.

    Example:
        parse_rule("every coin you touch gives 2 points", vocabulary)  # Rule("coin", reward=2.0)
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_CHARACTERS:
        raise GenieGymError(f"a rule is a text of 1 to {MAX_CHARACTERS:,} characters, such as {EXAMPLES}; got {text!r:.60}.")
    check_language(text, vocabulary.lexicon.words)
    said, shown, report = plain(text), text if len(text) <= 60 else text[:57] + "...", Report()
    if _DENIES.search(said):
        raise GenieGymError(f"a rule says what happens, and not what does not: {shown!r}. For example {EXAMPLES}.")
    leads = _LEADS.search(said)
    whole, scene = said, ""
    if leads is not None:
        said, scene = said[: leads.start()], _scene(said[leads.end() :], vocabulary, shown)
    if not _TOUCHES.search(said) and not (leads and _LEAD_ITSELF.match(leads[0])):
        raise GenieGymError(f"a rule says what happens when something is touched, such as {EXAMPLES}; got {shown!r}.")
    kinds = list(dict.fromkeys(kinds_in(said, vocabulary)))
    if len(kinds) != 1:
        named = " and ".join(vocabulary.label(kind) for kind in kinds) or "none that is known"
        raise GenieGymError(f"a rule names one kind of thing, or water; {shown!r} names {named}.")
    removes, ends, reward = bool(_GOES.search(whole)), bool(_ENDS.search(whole)), _reward(whole)
    if removes and kinds[0] == WATER:
        raise GenieGymError(f"water does not go: {shown!r}.")
    if ends and reward is None and (_LOSES.search(whole) or _WINS.search(whole)):
        reward = -1.0 if _LOSES.search(whole) else 1.0
        report.assumed.append(f"reward: {reward:+g} at the end")
    if not (removes or ends or reward or scene):
        raise GenieGymError(
            f"what happens then is not known: {shown!r}. Things that are touched disappear, give or cost points, end the "
            f"episode, or lead elsewhere: {EXAMPLES}."
        )
    rule = Rule(kinds[0], removes, reward or 0.0, ends, scene)
    report.understood.append(f"{shown}: {described(rule, vocabulary)}")
    return rule, report


def described(rule: Rule, vocabulary: Vocabulary) -> str:
    """A rule in words."""
    happens = (
        *(["it goes"] if rule.removes else []), *([f"reward {rule.reward:+g}"] if rule.reward else []),
        *(["the episode ends"] if rule.ends else []),
        *([f"on to the {vocabulary.label(rule.leads)}"] if rule.leads else []),
    )  # fmt: skip
    return f"who touches {rule.touches if rule.touches == WATER else vocabulary.label(rule.touches)}: {', '.join(happens)}"


def _reward(said: str) -> float | None:
    """Of all points that are named, the sum; None where none are."""
    found = []
    for match in _POINTS.finditer(said):
        if match["of"]:
            found.append(float(match["of"]))
        elif match["fen"]:
            found.append(numbers.number(match["fen"]) * (-1 if match["chinese"] in ("扣", "减", "失去") else 1))
        else:
            said_so = match["count"]
            count = {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5}.get(said_so) or numbers.number(said_so)
            found.append(-count if match["minus"] or match["sign"] == "-" else count)
    return sum(found) if found else None


def _scene(said: str, vocabulary: Vocabulary, shown: str) -> str:
    """The scene that is named.

    Raises:
        GenieGymError: there is none, or several.
    """
    scenes = list(dict.fromkeys(_named(said, vocabulary, ("scene",))))
    if len(scenes) != 1:
        raise GenieGymError(
            f"a rule leads to one scene ({', '.join(map(vocabulary.label, vocabulary.scenes))}); {shown!r} names "
            f"{' and '.join(map(vocabulary.label, scenes)) or 'none of them'}."
        )
    return scenes[0]


def kinds_in(said: str, vocabulary: Vocabulary) -> Iterator[str]:
    """The things, and groups of things, that a plain text names, and water."""
    if _WATER.search(said):
        yield WATER
    yield from _named(said, vocabulary, ("landmark", "object", "character", "crowd"))


def _named(said: str, vocabulary: Vocabulary, categories: tuple[str, ...]) -> Iterator[str]:
    """What of these categories is named, the longest names first."""
    known = {
        phrase: str(concept.value)
        for phrase, concept in vocabulary.lexicon.phrases.items()
        if concept.category in categories and not concept.note
    }
    if "object" in categories:
        known |= {word: name for name, words in _TASK_WORDS.items() for word in words}
    left = said
    for phrase in sorted(known, key=len, reverse=True):
        ends = r"(?:e?s)?" if phrase.isascii() else ""
        pattern = re.compile(rf"\b{re.escape(phrase)}{ends}\b" if phrase.isascii() else re.escape(phrase))
        if pattern.search(left):
            left = pattern.sub(" ", left)
            yield known[phrase]
