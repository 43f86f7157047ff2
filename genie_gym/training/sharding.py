"""Parameters, gradients and the optimizer's state shared out among processes: FSDP2 (Zhao et al. 2023, arXiv:2304.11277).

Each process holds its share of every parameter, and gathers one piece of the networks (`Stage.pieces`) at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from genie_gym.devices import Ranks
from genie_gym.training.stage import Stage


def shard(stage: Stage, device: torch.device, ranks: Ranks) -> None:
    """Shares out what is trained of a stage; pieces move to `device` one by one, so that it never holds all of them. What is
    frozen stays whole. The stage's networks are of no use outside of its `forward` and `gathered` from now on."""
    if device.type == "cuda":
        torch.cuda.set_device(device)  # which is where torch shares out to
    for parameter in stage.parameters():
        parameter.data = parameter.data.contiguous()  # as torch shares out alone: convolutions may lie otherwise
    mesh = init_device_mesh(device.type, (ranks.world_size,))
    for piece in stage.pieces():
        fully_shard(piece, mesh=mesh)
    frozen = {parameter for parameter in stage.parameters() if not parameter.requires_grad}
    fully_shard(stage, mesh=mesh, reshard_after_forward=False, ignored_params=frozen)
    stage.to(device)


@contextmanager
def gathered(stage: Stage) -> Iterator[None]:
    """All parameters are whole in each process in here, so that it can use the networks by itself. All enter together."""
    pieces = [module for module in stage.modules() if isinstance(module, FSDPModule)]
    for piece in pieces:
        piece.set_reshard_after_forward(False, recurse=False)
        piece.unshard()
    try:
        yield
    finally:
        for piece in pieces:
            piece.set_reshard_after_forward(piece is not stage, recurse=False)
            piece.reshard()


@torch.no_grad()
def share_buffers(stage: Stage) -> None:
    """Buffers that training changes become the first process's, as with DDP."""
    for module in stage.modules():
        for buffer in module.buffers(recurse=False) if module.training else ():
            torch.distributed.broadcast(buffer, 0)
