"""A page about a dataset: numbers, a contact sheet, a film, histograms."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genie_gym.datasets.dataset_pictures import frames_of, sheet_of
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.statistics import statistics
from genie_gym.errors import GenieGymError
from genie_gym.files import write_json, write_text
from genie_gym.progress import progress
from genie_gym.visual import png_bytes

PAGE_FILE, NUMBERS_FILE = "index.html", "statistics.json"
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
body{color:#222;background:#fdfcf9}
img,video{max-width:100%;border-radius:6px}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse}
td{padding:.15rem 1.2rem .15rem 0;border-bottom:1px solid #e6e3da}code{background:#f0eee7;padding:0 .3rem}"""
FILM = "episodes.mp4"


def report(dataset: MinariFolder, out: str | Path) -> Path:
    """Writes a page (`index.html`, which needs no other file but the film beside it) and the numbers (`statistics.json`)
    into a folder."""
    out = Path(out)
    numbers = statistics(dataset)
    write_json(out / NUMBERS_FILE, numbers)
    parts = [f"<h1>{html.escape(dataset.id)}</h1>", f"<p>{html.escape(str(dataset.metadata.get('description', '')))}</p>"]
    parts.append(_table(numbers))
    sheet = sheet_of(dataset)
    if sheet is not None:
        parts += ["<h2>First episodes</h2>", _image(png_bytes(sheet), "consecutive frames of the first episodes")]
    film = dataset.folder / FILM
    if film.is_file():
        (out / FILM).write_bytes(film.read_bytes())
        parts.append(f'<p><video src="{FILM}" controls loop muted></video></p>')
    parts += ["<h2>How long, how good, what was done</h2>", _image(_histograms(dataset, numbers), "histograms")]
    for name in ("tasks", "prompts"):
        if name in numbers:
            parts += [f"<h2>{name.capitalize()}</h2>", _counts(numbers[name])]
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(dataset.id)}</title>'
    write_text(out / PAGE_FILE, f"{text}<style>{STYLE}</style>{''.join(parts)}</html>\n")
    return out / PAGE_FILE


def _table(numbers: Mapping[str, Any]) -> str:
    lengths, returns = numbers["lengths"], numbers["returns"]
    rows = {
        "episodes": f"{numbers['episodes']:,}",
        "steps": f"{numbers['steps']:,} ({numbers['hours']:.2g} hours at {numbers['fps']:g} frames a second)",
        "size": f"{numbers['megabytes']:,.1f} MB",
    }
    if lengths:
        rows["length of episodes"] = f"{lengths['min']:g} to {lengths['max']:g}, {lengths['mean']:.1f} on average"
        rows["returns"] = f"{returns['min']:.3g} to {returns['max']:.3g}, {returns['mean']:.3g} on average"
    if "reached" in numbers:
        rows["reached their goal"] = f"{100 * numbers['reached']:.1f} %"
    if numbers["events"]:
        rows["with events"] = f"{numbers['events']:,}"
    if "image_mean" in numbers:
        rows["red, green, blue"] = ", ".join(map(str, numbers["image_mean"]))
    cells = "".join(f"<tr><td>{name}</td><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
    return f"<table>{cells}</table>"


def _counts(counts: Mapping[str, Any]) -> str:
    common = counts["commonest"].items()
    cells = "".join(f"<tr><td>{html.escape(name)}</td><td>{number:,}</td></tr>" for name, number in common)
    more = counts["different"] - len(counts["commonest"])
    return f"<table>{cells}</table>" + (f"<p>and {more:,} others</p>" if more else "")


def _image(png: bytes, alt: str) -> str:
    return f'<p><img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{alt}"></p>'


def _histograms(dataset: MinariFolder, numbers: Mapping[str, Any]) -> bytes:
    figure = Figure(figsize=(11, 3), layout="constrained")
    length, brought, done = figure.subplots(1, 3)
    length.hist(dataset.lengths, bins=30, color="#2f6f5e")
    length.set_title("steps of episodes")
    returns = [float(np.sum(dataset.read(number, "rewards"))) for number in range(len(dataset))]
    brought.hist(returns, bins=30, color="#d98b2b")
    brought.set_title("returns")
    actions = numbers["actions"]
    if "mean" in actions:
        done.errorbar(range(len(actions["mean"])), actions["mean"], actions["std"], fmt="o", color="#6a5bb5", markersize=3)
        done.set_title("actions: mean and deviation of each number")
    else:
        done.barh(list(actions), list(actions.values()), color="#6a5bb5")
        done.set_title("actions")
        done.tick_params(axis="y", labelsize=7)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def write_rerun(dataset: MinariFolder, out: str | Path, episodes: int = 4) -> Path:
    """Writes the first episodes for the viewer rerun (`rerun FILE.rrd`): pictures, depth, rewards and actions over time.

    Raises:
        GenieGymError: rerun is not installed.
    """
    try:
        import rerun as rr
    except ImportError:
        raise GenieGymError("files for rerun need it: pip install rerun-sdk.") from None
    out = Path(out)
    recording = rr.RecordingStream(dataset.id)
    recording.save(out)
    for number in progress(range(min(episodes, len(dataset))), desc=f"write {out.name}", unit="episode"):
        name = f"episode_{number}"
        rewards, actions = dataset.read(number, "rewards"), dataset.read(number, "actions").astype(float)
        depth = dataset.read(number, "observations/depth") if "observations/depth" in dataset.keys(number) else None
        for step, frame in enumerate(frames_of(dataset, number)):
            recording.set_time("step", sequence=step)
            recording.log(f"{name}/rgb", rr.Image(frame))
            if depth is not None:
                recording.log(f"{name}/depth", rr.DepthImage(depth[step], meter=1.0))
            if step < len(rewards):
                recording.log(f"{name}/reward", rr.Scalars(float(rewards[step])))
                recording.log(f"{name}/action", rr.Scalars(np.atleast_1d(actions[step])))
    recording.disconnect()
    return out
