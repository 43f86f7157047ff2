"""The card of a world: README.md in its folder, for people. It says what is known; what is not known is left out.

Legend: H W image.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import gymnasium as gym

from genie_gym.actions import DiscreteActions
from genie_gym.devices import hardware
from genie_gym.errors import GenieGymError
from genie_gym.files import write_text
from genie_gym.judgement import Judgement
from genie_gym.world import World

CARD_FILE = "README.md"
MARK = "<!-- Written by genie_gym. Once it is edited, genie_gym leaves it alone. {} -->"
DECIBELS = "{:.2f} dB"
USE = """## How to use it

```python
import gymnasium as gym
import genie_gym

{}
observation, info = env.reset(seed=0)
```

`genie-gym evaluate`, `genie-gym sheet` and `genie-gym generate --option world` take the folder too."""

LICENSE = """## License

Not stated yet. Whoever shares this world says here under which license, with the video's own in mind."""


def write_card(world: World, folder: Path) -> None:
    """Writes the card into a world's folder, unless a person wrote or edited the one that is there."""
    path = folder / CARD_FILE
    if not path.exists() or _is_ours(path):
        text = card(world, folder)
        write_text(path, f"{MARK.format(_checksum(text))}\n{text}")


def card(world: World, folder: Path) -> str:
    """The card's text, of a world in this folder."""
    whole = folder.resolve()
    name = whole.parent.name if whole.name == "world" else whole.name
    parts = [f"# {name}", _what(world), _learned_from(world), _tasks(world), _training(world)]
    if (judgement := world.provenance.judgement) is not None:
        parts += [_judgement(judgement), _effects(judgement)]
    return "\n\n".join(part for part in [*parts, USE.format(_make(world, folder)), LICENSE] if part) + "\n"


def made_by_training(
    preset: str,
    episodes: int,
    frames: int,
    stages: Mapping[str, Mapping[str, float]],
    begun: World | None = None,
) -> dict[str, Any]:
    """What `Provenance.made` holds of a world that this process has trained.

    Args:
        stages: {name: {"steps": …, "minutes": …}}, all calls together.
        begun: the world that it was begun with, of which the same is said.
    """
    command = shlex.join(["genie-gym" if "genie" in sys.argv[0] else Path(sys.argv[0]).name, *sys.argv[1:]])
    return {
        "command": command,
        "preset": preset,
        "episodes": episodes,
        "frames": frames,
        "stages": {name: dict(numbers) for name, numbers in stages.items()},
        "hardware": hardware(),
        "date": date.today().isoformat(),
        **({} if begun is None else {"begun_with": dict(begun.provenance.made)}),
    }


def check_made(made: Any) -> dict[str, Any]:
    """What a file says of how a world was made.

    Raises:
        GenieGymError: it is not what `made_by_training` returns.
    """
    numbers = int | float
    kinds = {"command": str, "preset": str, "hardware": str, "date": str, "episodes": int, "frames": int, "stages": dict}
    kinds["begun_with"] = dict
    if not isinstance(made, dict) or not all(isinstance(made[key], kinds.get(key, object)) for key in made):
        raise GenieGymError(f"this does not say how a world was made: {str(made)[:80]}.")
    for stage in made.get("stages", {}).values():
        if not isinstance(stage, dict) or not all(isinstance(stage.get(key), numbers) for key in ("steps", "minutes")):
            raise GenieGymError(f"a stage of training has steps and minutes; given {str(stage)[:80]}.")
    if "begun_with" in made:
        check_made(made["begun_with"])
    return made


def _is_ours(path: Path) -> bool:
    mark, _, text = path.read_text(encoding="utf-8", errors="replace").partition("\n")
    return mark == MARK.format(_checksum(text))


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _make(world: World, folder: Path) -> str:
    """The lines that make an environment of the world in a folder: by its family's id or else by a new one."""
    env_id = next((name for name, spec in gym.registry.items() if spec.kwargs.get("world") == world.family), None)
    if env_id is not None:
        return f'env = gym.make("{env_id}", world="{folder.as_posix()}", render_mode="rgb_array")'
    env_id = f"{world.family.title()}-v0"
    lines = [f'# first import what registers the family "{world.family}" (genie_gym.register_family)']
    lines += [f'genie_gym.register_world("{env_id}", "{folder.as_posix()}")']
    return "\n".join([*lines, f'env = gym.make("{env_id}", render_mode="rgb_array")'])


def _what(world: World) -> str:
    height, width, _ = world.frame_shape
    if isinstance(world.actions, DiscreteActions):
        actions = f"{world.actions.count} discrete actions"
    else:
        actions = f"actions of {world.actions.space.shape[0]} numbers from -1 to 1"  # type: ignore[index]
    size = sum(p.numel() for part in world.parts().values() for p in part.parameters())
    weights = f", {size / 1e6:.1f} M parameters" if size else ""
    return (
        f"A learned world of the family {world.family}, to be stepped as a Gymnasium environment: frames of "
        f"{height}×{width} (height × width), {world.fps:g} steps a second, {actions}{weights}."
    )


def _learned_from(world: World) -> str:
    source = dict(world.provenance.source)
    if not source:
        return ""
    kind, env_id = source.pop("kind", ""), source.pop("env_id", "")
    what = {"gymnasium": f"`{env_id}`", "videos": "Video files"}.get(kind, f"Video of the kind {kind!r}")
    episodes, frames = (world.provenance.made.get(name) for name in ("episodes", "frames"))
    count = f", {frames:,} frames in {episodes:,} episodes" if episodes and frames else ""
    told = [f"- {name}: `{json.dumps(value)}`" for name, value in source.items() if value not in (None, {}, [])]
    return "\n".join([f"## What it was learned from\n\n{what}{count}.", *([""] if told else []), *told])


def _tasks(world: World) -> str:
    if not world.tasks:
        return ""
    if world.places_goals:
        note = "Rewards are told by what stands where. Reaching the goal brings a reward of 1 and ends the episode."
        return "\n".join([f"## What there is to do\n\n{note}", "", *(f"- `{task}`" for task in world.tasks)])
    rows = [f"| `{task}` | {len(world.starts.tasks.get(task, ()))} |" for task in world.tasks]
    note = (
        "Reaching the goal brings a reward of 1 and ends the episode. What a reached goal looks like was learned from "
        "labels, which the rules of the simulator's own tasks give recorded frames."
    )
    return "\n".join(
        [f"## What there is to do\n\n{note}", "", "| task | start frames that show its goal |", "|---|---|", *rows]
    )


def _training(world: World) -> str:
    made = world.provenance.made
    facts = [f"- {name}: {made[key]}" for name, key in (("preset", "preset"), ("date", "date")) if made.get(key)]
    facts += [f"- hardware: {made['hardware']}"] if made.get("hardware") else []
    lines = ["## How it was trained", "", *facts, *_labels(world)]
    if made.get("command"):
        lines += ["", f"    {made['command']}"]
    if made.get("stages"):
        rows = [f"| {name} | {stage['steps']:,} | {stage['minutes']:.1f} |" for name, stage in made["stages"].items()]
        lines += ["", "| stage | steps | minutes |", "|---|---|---|", *rows]
    return "\n".join(lines) if len(lines) > 2 else ""


def _labels(world: World) -> list[str]:
    """How many labels each network learned from, of those that count them."""
    counts = {name: int(getattr(part, "label_count", 0)) for name, part in world.parts().items()}
    told = [f"{name} {count:,}" for name, count in counts.items() if count]
    return [f"- labels: {', '.join(told)}"] if told else []


def _judgement(found: Judgement) -> str:
    rows = [
        (f"{found.frames} frames imagined from one, PSNR", found.rollout_psnr, DECIBELS),
        ("the same, copying the first frame", found.copy_psnr, DECIBELS),
        ("ΔtPSNR: what its actions control", found.delta_psnr, DECIBELS),
        ("tokenizer, PSNR", found.tokenizer_psnr, DECIBELS),
        (f"codes in use (perplexity, of {found.codes})", found.code_perplexity, "{:.1f}"),
        ("spread of its actions (standard deviation)", found.action_spread, "{:.2f}"),
        ("pixels by which two held actions differ", found.difference, "{:.1%}"),
    ]
    table = [f"| {name} | {style.format(value)} |" for name, value, style in rows if value is not None]
    clips = f" ({found.clips} clips)" if found.clips else ""
    verdict = [f"- **{text[0].upper()}{text[1:]}.**" for text in found.sentences()]
    lines = [f"## How good it is\n\nOn {found.video}{clips}, definitions in docs/evaluation.md of genie_gym:", ""]
    return "\n".join([*lines, "| | |", "|---|---|", *table, *([""] if verdict else []), *verdict])


def _effects(found: Judgement) -> str:
    if not found.effects:
        return ""
    rows = [f"| {probe} | {words} |" for probe, words in found.effects.items()]
    note = (
        "Each held for a few steps from quiet frames; named after what was seen to happen, not by a person. "
        '"view right": the camera goes right; "right": something goes right in a view that stands still; "mixed": it does '
        "different things from different frames."
    )
    return "\n".join([f"## What its actions do\n\n{note}", "", "| held | does |", "|---|---|", *rows])
