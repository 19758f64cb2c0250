"""The state of a training after an epoch, as one safetensors file: what a training that was killed goes on from.

It holds the trainable parameters and the buffers of the model, the optimizer's moments, the best parameters so far, the
weights of the pairs, and as text all that is no tensor. Frozen parameters are where they came from, so they are left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from influencespace.artifact import told_by_safetensors
from influencespace.training import sealed


@dataclass
class Progress:
    """How far a training has come.

    Attributes
    ----------
    epoch, step
        How many of each are done.
    seconds, joules
        Spent on training alone; joules is None where the device reports none.
    curve
        One dict an epoch.
    generator
        State of what draws the batches.
    best, since
        The best validation recall, in percent, and how many epochs ago it was.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    joules: float | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    generator: dict[str, Any] = field(default_factory=dict)
    best: float | None = None
    since: int = 0


def trained_tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The trainable parameters and the buffers of a module by name; a tensor that is shared is there once."""
    parameters = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
    return parameters | dict(module.named_buffers())


def put_back(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Write tensors into the parameters and buffers of these names, in place."""
    for name, there in trained_tensors(module).items():
        there.copy_(tensors[name])


def save(
    file: Path, progress: Progress, module: torch.nn.Module, optimizer: torch.optim.Optimizer, weights: np.ndarray,
    best: dict[str, torch.Tensor],
) -> None:
    """Write a checkpoint in one step: whoever reads the file finds the old one or the new one, never half."""
    tensors = {f"module.{name}": tensor for name, tensor in trained_tensors(module).items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    tensors["weights"] = torch.from_numpy(np.asarray(weights))
    # Copies, since safetensors takes no two tensors that share memory.
    copies = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with sealed.replacing(file) as draft, told_by_safetensors():
        save_file(copies, draft, {"progress": json.dumps(asdict(progress))})


def load(
    file: Path, module: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Progress, np.ndarray, dict[str, torch.Tensor]]:
    """Put a checkpoint into a module and an optimizer; returns the progress, (n_train,) weights, and the best tensors."""
    with safe_open(file, "pt") as opened:
        progress = Progress(**json.loads(opened.metadata()["progress"]))
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no mapping)
    put_back(module, _under("module", tensors))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _under("optimizer", tensors).items():
        index, _, moment = name.partition(".")
        moments.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    return progress, tensors["weights"].numpy(), _under("best", tensors)


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}
