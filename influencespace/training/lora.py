"""Low-rank adapters for a dual encoder (LoRA; Hu et al. 2022), through peft.

The attention of both towers gets adapters, the projections into the joint space and the logit scale are trained as they
are, and all else stays. A convolutional tower has no attention, so that it stays as a whole.
"""

from __future__ import annotations

import torch
from peft import LoraConfig, inject_adapter_in_model

from influencespace.errors import TrainingError

# Of CLIP's and VisionTextDualEncoder's towers, and of SigLIP's, which make their vectors themselves.
PROJECTIONS = ("visual_projection", "text_projection", "vision_model.head", "text_model.head")
RANK = 16


def attention_layers(model: torch.nn.Module) -> list[str]:
    """The linear layers (query, key, value, output) inside a tower's attention, by their names in the model.

    The families of transformers name these layers in many ways, but all of them put them into a module whose own name says
    that it is attention.
    """
    return [
        name for name, module in model.named_modules()
        if type(module) is torch.nn.Linear and not name.startswith(PROJECTIONS)
        and any("attention" in part or "attn" in part for part in name.lower().split(".")[:-1])
    ]


def add_adapters(model: torch.nn.Module, seed: int) -> None:
    """Put adapters into the model in place; they change nothing until they are trained.

    Parameters
    ----------
    model
        A dual encoder of transformers.
    seed
        Draws the adapters' first matrices; the second ones are zero.

    Raises
    ------
    TrainingError
        If neither tower has attention.
    """
    layers = attention_layers(model)
    if not layers:
        raise TrainingError("This encoder has no attention that LoRA could adapt; train all of it (--adapter none).")
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        if name.startswith((*PROJECTIONS, "logit_scale")):
            parameter.requires_grad_(True)
