"""The data and the tasks of fine-tuning in tests."""

import torch

from influencespace.pairs.views import heldout, photo_codes, training_rows
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings

CPU = torch.device("cpu")
SIZES = {"train": 96, "validation": 40, "test": 30}
SETTINGS = Settings(learning_rate=3e-3, epochs=3, batch_size=24)


def data_of(table, device=CPU):
    """What a trainer needs of a workspace's data; it never looks at the features."""
    nothing = torch.zeros(len(table), 1, device=device)
    codes = torch.from_numpy(photo_codes(table, slice(None))).to(device)
    return TrainingData(
        nothing, nothing, codes, training_rows(table), heldout(table, "validation"), heldout(table, "test"), True, 1.0
    )


def task_of(trainer, seed=0, settings=SETTINGS, dropout=True):
    task = trainer.task(settings, seed)
    if not dropout:
        for module in task.module.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    return task
