"""What a training was made with, written beside its results: enough to do it again and to know what differs if it cannot be.

``run.json`` holds the options of every stage, the digests of what was trained on, the decisions by hand, the settings that
were chosen, the seeds, the device, and the versions of everything that computes.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict
from typing import Any

import torch

from influencespace import __version__
from influencespace.options import Options
from influencespace.training.kept import LIBRARIES, code_digest
from influencespace.training.loop import Settings, native_bfloat16
from influencespace.training.options import TrainOptions
from influencespace.workspace import MADE_BY, NEEDS, Workspace

RUN = "run"


def run_record(workspace: Workspace, options: TrainOptions, settings: Settings, device: torch.device) -> dict[str, Any]:
    """The record of a training that is about to be written."""
    made = {name: workspace.artifact(name) for name in NEEDS["training"]}
    return {
        "stages": {MADE_BY[name]: artifact.record["options"] for name, artifact in made.items()} | {"train": asked(options)},
        "digests": {name: artifact.digest for name, artifact in made.items()},
        "decisions": made["plan"].json("decisions"),
        "settings": asdict(settings),
        "seeds": list(range(options.seed, options.seed + options.seeds)),
        "device": {"kind": device.type, "name": _device_name(device), "threads": torch.get_num_threads(),
                   "native_bfloat16": native_bfloat16()},
        "versions": {
            "influencespace": __version__, "code": code_digest(), "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
    }


def asked(options: Options) -> dict[str, Any]:
    """All options as plain JSON values, those included that do not decide what comes out."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(options).items()}


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
