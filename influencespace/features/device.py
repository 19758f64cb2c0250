"""Where tensors live: one choice, made in one place."""

from __future__ import annotations

import torch

from influencespace.errors import FeaturesError


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name, if this machine has it.

    Parameters
    ----------
    name
        ``auto`` (CUDA, else MPS, else the CPU), ``cuda``, ``mps`` or ``cpu``.

    Raises
    ------
    FeaturesError
        If CUDA or MPS was asked for and PyTorch finds none.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present[name]:
        raise FeaturesError(
            f"--device {name} was asked for, but PyTorch finds no {name.upper()} device here. "
            "Use --device auto or --device cpu, or install a PyTorch build that fits this machine's GPU and driver."
        )
    return torch.device(name)


def reading(device: torch.device) -> torch.autocast:
    """The precision in which an encoder looks at photos and captions: float16 with its ten digits, but for a CPU."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=device.type != "cpu")
