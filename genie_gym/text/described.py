"""A world's description in English, as prompts write it: what reads as the same world again."""

from __future__ import annotations

from collections.abc import Sequence

from genie_gym.text.spec import EARTH_GRAVITY, CharacterSpec, ObjectSpec, WorldSpec
from genie_gym.text.vocabulary import Vocabulary, with_article

DOES = {
    "stand": ("that stands", "that stand"), "wander": ("that wanders", "that wander"),
    "follow": ("that follows me", "that follow me"), "patrol": ("that patrols", "that patrol"),
}  # fmt: skip
WHERE = {
    "centre": "in the centre", "ahead": "ahead of me", "behind": "behind me", "left": "on the left", "right": "on the right",
}  # fmt: skip


def in_words(spec: WorldSpec, vocabulary: Vocabulary) -> str:
    """For example: "a rainy village at 18:30 with a church, 2 carts and a dog that wanders". The seed is left out.

    Example:
        in_words(parse_prompt("雨中的村庄,有两只羊")[0], TOWN)
    """
    place = with_article(f"{spec.weather} {vocabulary.label(spec.scene or vocabulary.scenes[0])}".strip())
    minutes = round(spec.hour * 60) % (24 * 60)
    text = f"{place} at {minutes // 60}:{minutes % 60:02d}"
    things = [with_article(vocabulary.label(name)) for name in spec.landmarks]
    things += [_counted(thing, vocabulary) for thing in spec.objects]
    things += [_counted(person, vocabulary) for person in spec.characters]
    if things:
        text += f" with {_joined(things)}"
    if spec.without:
        text += f" {'and ' if things else ''}without {_joined([vocabulary.label(name) for name in spec.without])}"
    if spec.gravity != EARTH_GRAVITY:
        text += f", gravity {spec.gravity:g}"
    if spec.friction != 1.0:
        text += f", friction {spec.friction:g}"
    return text


def _counted(thing: ObjectSpec | CharacterSpec, vocabulary: Vocabulary) -> str:
    label, one = vocabulary.label(thing.kind), thing.count == 1
    words = [with_article(label) if one else f"{thing.count} {plural(label)}"]
    if isinstance(thing, CharacterSpec):
        words.append(DOES[thing.behaviour][not one])
    if isinstance(thing.position, str):
        words.append(WHERE.get(thing.position) or f"next to the {vocabulary.label(thing.position)}")
    elif thing.position is not None:
        words.append(f"at ({thing.position[0]:g}, {thing.position[1]:g})")
    return " ".join(words)


def plural(noun: str) -> str:
    """Of a word such as "bush" or "person"."""
    irregular = {"person": "people", "child": "children", "sheep": "sheep", "snowman": "snowmen", "cactus": "cacti"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


def _joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
