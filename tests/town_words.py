"""Town's vocabulary, by the short names that tests use, and its words as tables: {name: words}."""

from genie_gym.envs.simulators import SIMULATORS

TOWN = SIMULATORS["GenieSim/Town-v0"].load_vocabulary()
SCENES, WEATHERS, LANDMARKS, OBJECTS, CHARACTERS = (
    TOWN.scenes, TOWN.weathers, TOWN.landmarks, TOWN.objects, TOWN.characters,
)  # fmt: skip


def words_of(category: str) -> dict[str, tuple[str, ...]]:
    """{name: words} of what there is, without what is only near it."""
    return {name: words for kind, name, note, words in TOWN.words if kind == category and not note}
