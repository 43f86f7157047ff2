"""Mends the links of a zip download; all else about the build stands in pyproject.toml.

genie_gym/envs, agents and datasets are links to the folders beside genie_gym. Where a zip is unpacked without links (pip
does so too), each becomes a small text file, and the package would install without these folders. Making the links again
is simpler than a second way to find packages: then wheel, editable install, tests and mypy all see one layout.
"""

from pathlib import Path

from setuptools import setup

for name in ("envs", "agents", "datasets"):
    link = Path(__file__).parent / "genie_gym" / name
    if link.is_dir():  # a link that works, or the folder itself in an sdist
        continue
    try:
        if link.read_bytes().strip() == f"../{name}".encode():
            new_link = link.with_name(f"{name}.link")
            new_link.symlink_to(f"../{name}")
            new_link.replace(link)
    except OSError:
        pass  # said below
    if not link.is_dir():
        raise SystemExit(f"genie_gym/{name} must be a link to ../{name} and could not be made one; use a git clone.")

setup()
