"""What Town's worlds can hold, and by which words texts name it."""

from __future__ import annotations

from pathlib import Path

from genie_gym.files import read_json
from genie_gym.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_dict(read_json(Path(__file__).with_suffix(".json")))
