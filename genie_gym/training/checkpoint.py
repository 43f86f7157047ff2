"""What a training that was stopped goes on from.

It is one of two: the file `<stage>.pt`, which the first process writes, or, where parameters are shared out, the folder
`<stage>.shards/<step>`, where each process writes its share. Either goes on in any number of processes, shared out or not.

Nothing in them is unpickled: the file is read with `weights_only`, and the folder holds safetensors files alone
(torch.distributed.checkpoint's own format has a pickle beside them).
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import checkpoint as dcp
from torch.distributed.tensor import DTensor, distribute_tensor

from genie_gym.devices import Ranks
from genie_gym.errors import GenieGymError
from genie_gym.files import beside, part_of
from genie_gym.training.stage import Stage

STAGE, OPTIMIZER = "stage", "optimizer"  # what names in shards begin with


def find_checkpoint(out: Path, stage: str) -> Path | None:
    """The checkpoint of a stage, where there is one."""
    whole = out / f"{stage}.pt"
    if whole.exists():
        return whole
    found = [path for path in _shards_of(out, stage).glob("*") if path.name.isdecimal()]
    return max(found, key=lambda path: int(path.name), default=None)


def save_whole(out: Path, stage: Stage, optimizer: torch.optim.Optimizer, step: int, minutes: float) -> None:
    """Of one process, which holds all of it."""
    saved = {"stage": stage.checkpoint(), "optimizer": optimizer.state_dict(), "step": step, "minutes": minutes}
    with beside(out / f"{stage.name}.pt") as part:
        torch.save(saved, part)
    shutil.rmtree(_shards_of(out, stage.name), ignore_errors=True)


def save_shards(out: Path, stage: Stage, optimizer: torch.optim.Optimizer, step: int, minutes: float, ranks: Ranks) -> None:
    """All processes write together; the folder has its name, and the one before is removed, once all of them have."""
    folder = _shards_of(out, stage.name) / str(step)
    if folder.exists():  # of a training that was over before it went on
        return
    part = part_of(folder)
    if ranks.is_first:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    ranks.barrier()
    numbers = {"step": torch.tensor([step]), "minutes": torch.tensor([minutes], dtype=torch.float64)}
    with _quietly():
        writer = _safetensors("HuggingFaceStorageWriter")(str(part), save_distributed=True)
        dcp.save(_named(stage, optimizer) | numbers, storage_writer=writer, no_dist=ranks.is_alone)
    ranks.barrier()
    if ranks.is_first:
        part.rename(folder)
        for other in folder.parent.iterdir():
            if other != folder:
                shutil.rmtree(other)
        (out / f"{stage.name}.pt").unlink(missing_ok=True)
    ranks.barrier()


def load_checkpoint(path: Path, stage: Stage, optimizer: torch.optim.AdamW | None, ranks: Ranks) -> tuple[int, float]:
    """Into a stage, and its optimizer where that is to go on, as either now lies: whole or shared out. All processes load
    together.

    Returns:
        Steps and minutes so far.

    Raises:
        GenieGymError: it is of other networks.
    """
    try:
        return (_load_shards if path.is_dir() else _load_whole)(path, stage, optimizer, ranks)
    except (KeyError, ValueError, RuntimeError, dcp.CheckpointException) as error:
        raise GenieGymError(
            f"{path} is of other networks (another preset, setting or version): {error}; train into another folder."
        ) from error


def _load_whole(path: Path, stage: Stage, optimizer: torch.optim.AdamW | None, ranks: Ranks) -> tuple[int, float]:
    saved = torch.load(path, map_location=next(stage.parameters()).device, weights_only=True)
    stage.restore(_placed(saved["stage"], stage.checkpoint()))
    if optimizer is not None:
        optimizer.load_state_dict(saved["optimizer"])
        for parameter, state in optimizer.state.items():
            state.update({name: _placed(value, parameter) for name, value in state.items() if value.ndim})
    return saved["step"], saved["minutes"]


def _load_shards(path: Path, stage: Stage, optimizer: torch.optim.AdamW | None, ranks: Ranks) -> tuple[int, float]:
    reader = _safetensors("HuggingFaceStorageReader")(str(path))
    there = set(reader.read_metadata().state_dict_metadata)
    into = stage.checkpoint()
    told, known = ({name for name in names if name.startswith(f"{STAGE}.")} for names in (there, dict(_flat(STAGE, into))))
    if told != known:
        raise KeyError(*sorted(told ^ known)[:3])
    if optimizer is not None:
        for name, parameter in _trained(stage, optimizer).items():
            if f"{OPTIMIZER}.{name}.step" in there:
                zeros = {key: torch.zeros_like(parameter) for key in ("exp_avg", "exp_avg_sq")}
                optimizer.state[parameter] = {"step": torch.zeros(()), **zeros}
    numbers = {"step": torch.zeros(1, dtype=torch.int64), "minutes": torch.zeros(1, dtype=torch.float64)}
    with _quietly():  # in place
        dcp.load(_named(stage, optimizer, into) | numbers, storage_reader=reader, no_dist=ranks.is_alone)
    stage.restore(into)
    return int(numbers["step"]), float(numbers["minutes"])


def _named(
    stage: Stage, optimizer: torch.optim.Optimizer | None, checkpoint: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All tensors under one name each, as the optimizer's numbers of parameters would not do: those depend on what is
    frozen."""
    named = dict(_flat(STAGE, stage.checkpoint() if checkpoint is None else checkpoint))
    if optimizer is None:
        return named
    for name, parameter in _trained(stage, optimizer).items():
        named |= _flat(f"{OPTIMIZER}.{name}", optimizer.state.get(parameter, {}))
    return named


def _trained(stage: Stage, optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    known = {parameter for group in optimizer.param_groups for parameter in group["params"]}
    return {name: parameter for name, parameter in stage.named_parameters() if parameter in known}


def _flat(name: str, values: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(f"{name}.{key}", value)
    else:
        yield name, values


def _placed(values: Any, like: Any) -> Any:
    """Whole tensors, shared out as those are that they belong to."""
    if isinstance(like, Mapping):
        return {name: _placed(value, like[name]) for name, value in values.items()}
    return distribute_tensor(values, like.device_mesh, like.placements) if isinstance(like, DTensor) else values


def _shards_of(out: Path, stage: str) -> Path:
    return out / f"{stage}.shards"


def _safetensors(name: str) -> Any:
    """What reads or writes shards as safetensors.

    Raises:
        GenieGymError: torch is too old for that.
    """
    try:
        return getattr(dcp, name)
    except AttributeError:
        raise GenieGymError(f"sharded checkpoints need torch 2.8 or newer; this is {torch.__version__}.") from None


def _quietly() -> warnings.catch_warnings[None]:
    """Without the word that one process is one process."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)
