"""What can be pushed, as text: "barrels can be pushed", "you can no longer push the crates", 「什么都推不动」."""

from __future__ import annotations

import re

from genie_gym.errors import GenieGymError
from genie_gym.text.languages import plain
from genie_gym.text.rules import kinds_in
from genie_gym.text.spec import EVERYTHING, WATER, Pushable
from genie_gym.text.tokens import Report
from genie_gym.text.vocabulary import Vocabulary

EXAMPLES = "'barrels can be pushed', 'nothing can be pushed any more'"
_PUSHED = re.compile(
    r"\b(?:can|could|may|able to|possible to) (?:now )?(?:be )?push|\b(?:cannot|can't|pushable|to push|no longer)\b|推"
)
_PUSH = re.compile(r"\bpush(?:ed|able|ing)?\b|推")
_CANNOT = re.compile(
    r"\b(?:nothing|no longer|not|cannot|can't|never|no|none|too heavy|stop(?:s)? being|fixed)\b|"
    r"不能|不可|推不动|无法|别|没有|太重"
)
_EVERYTHING = re.compile(r"\b(?:everything|anything|nothing|all (?:the )?things|all objects)\b|什么都|所有|一切|任何")


def is_about_pushing(text: str) -> bool:
    """Whether a text says what can be pushed."""
    said = plain(text) if isinstance(text, str) else ""
    return bool(_PUSH.search(said) and _PUSHED.search(said))


def parse_pushable(text: str, vocabulary: Vocabulary) -> tuple[Pushable, Report]:
    """The event that a text asks for which `is_about_pushing`, and what was understood of it.

    Raises:
        GenieGymError: where it names no kind of thing, or several.
    """
    said, shown = plain(text), text if len(text) <= 60 else text[:57] + "..."
    kinds = [kind for kind in dict.fromkeys(kinds_in(said, vocabulary)) if kind != WATER]
    if not kinds and _EVERYTHING.search(said):
        kinds = [EVERYTHING]
    if len(kinds) != 1:
        named = " and ".join(map(vocabulary.label, kinds)) or "none that is known"
        raise GenieGymError(f"say of one kind of thing whether it can be pushed ({EXAMPLES}); {shown!r} names {named}.")
    can = not _CANNOT.search(said)
    label = kinds[0] if kinds[0] == EVERYTHING else vocabulary.label(kinds[0])
    return Pushable(kinds[0], can), Report(understood=[f"{shown}: {label} can {'' if can else 'not '}be pushed"])
