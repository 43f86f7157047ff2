"""The card of a dataset: README.md in its folder, for people and for the hub. It says what is known."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
from minari.serialization import deserialize_space

import genie_gym
from genie_gym.datasets.minari_format import MAIN_FILE, METADATA_FILE, MinariWriter
from genie_gym.datasets.minari_metadata import Credits
from genie_gym.datasets.play_shards import GenerateConfig
from genie_gym.devices import hardware
from genie_gym.envs.registration import WORLDS
from genie_gym.files import MANIFEST_FILE, read_json, sha256, write_text

CARD_FILE = "README.md"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_card(writer: MinariWriter, config: GenerateConfig, about: Credits) -> None:
    """Writes the card beside the data."""
    write_text(writer.folder / CARD_FILE, dataset_card(writer, config, about))


def dataset_card(writer: MinariWriter, config: GenerateConfig, about: Credits) -> str:
    """What is in it, how many, how it came about, and checksums."""
    metadata, tally = read_json(writer.data / METADATA_FILE), writer.tally
    episodes, steps = writer.num_episodes, writer.num_steps
    size = next((name for most, name in SIZES if episodes < most), "n>1M")
    front = [
        "---", f"license: {about.license or 'unknown'}", "task_categories:", "- reinforcement-learning", "- robotics",
        "size_categories:", f"- {size}", "tags:", "- minari", "- genie_gym", "---",
    ]  # fmt: skip
    fps = metadata["render_fps"]
    what = (
        f"{episodes:,} episodes, {steps:,} steps ({steps / fps / 3600:.2g} hours at {fps:g} frames a second), "
        f"{metadata['dataset_size']:,} MB."
    )
    parts = ["\n".join(front), f"# {writer.place.id}", metadata["description"], what]
    parts += ["## In it", _contents(metadata, config), "## How it was made", _settings(config)]
    left_out = [f"{number:,} for {reason}" for reason, number in tally["left_out"].items()]
    made = f"{tally['played']:,} episodes were played, {tally['reached']:,} of them reached their goal"
    parts.append(f"{made}; left out: {', '.join(left_out) or 'none'}.")
    if weights := _weights(config):
        parts.append(f"Weights of the world: a manifest with the SHA-256 `{weights}`.")
    parts.append(f"genie_gym {version('genie-gym')}, {hardware()}, {date.today().isoformat()}.")
    parts += ["## Checksums", _checksums(writer), "## Reading it", _reading(writer)]
    return "\n\n".join(parts) + "\n"


def _contents(metadata: dict[str, Any], config: GenerateConfig) -> str:
    observations, actions = (deserialize_space(metadata[f"{name}_space"]) for name in ("observation", "action"))
    seen = dict(observations.spaces) if isinstance(observations, gym.spaces.Dict) else {"": observations}
    lines = [f"- observations{f'/{name}' if name else ''}: {_in_short(space)}" for name, space in seen.items()]
    lines.append(f"- actions: {_in_short(actions)}")
    if metadata.get("action_meanings"):
        lines.append(f"- what actions do: {', '.join(metadata['action_meanings'])}")
    if config.store:
        lines.append(f"- kept: {', '.join(config.store)}")
    return "\n".join(lines)


def _in_short(space: gym.Space) -> str:
    return f"{space.dtype} {list(space.shape)}" if isinstance(space, gym.spaces.Box) else str(space)


def _settings(config: GenerateConfig) -> str:
    known = {name: value for name, value in vars(config).items() if value not in (None, (), {}, False)}
    prompts = known.pop("prompts", ())
    lines = [f"- {name}: `{value}`" for name, value in known.items()]
    if prompts:
        lines.append(f"- {len(prompts):,} prompts, in turn; the first: `{prompts[0]}`")
    return "\n".join(lines)


def _weights(config: GenerateConfig) -> str:
    """The checksum of the manifest of the world's folder, which has those of its files; "" where there is none."""
    name = str(config.env_kwargs.get("world") or WORLDS.get(config.env, ""))
    shipped = Path(genie_gym.__file__).parent / "worlds" / name
    manifest = (shipped if name and shipped.is_dir() else Path(name)) / MANIFEST_FILE
    return sha256(manifest) if name and manifest.is_file() else ""


def _checksums(writer: MinariWriter) -> str:
    lines = [f"- `{name}`: {shard.sha256}" for name, shard in sorted(writer.shards.items())[:20]]
    if len(writer.shards) > 20:
        lines.append(f"- {len(writer.shards) - 20:,} more shards: in manifest.json")
    return "\n".join(
        [*lines, f"- `{MAIN_FILE}`: {sha256(writer.data / MAIN_FILE)}", "", "`genie-gym data verify` checks all."]
    )


def _reading(writer: MinariWriter) -> str:
    return f"""```python
import os
import minari

os.environ["MINARI_DATASETS_PATH"] = "..."  # the folder above {writer.place.id}
dataset = minari.load_dataset("{writer.place.id}")
```"""
