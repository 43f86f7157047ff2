"""What scripts need to read text: `parse_prompt` gives a `WorldSpec`, `parse_event` an event, each with a `Report`."""

from genie_gym.text.reader import parse_event, parse_prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report

__all__ = ["Report", "WorldSpec", "parse_event", "parse_prompt"]
