"""Models that read photo and caption together, and planted pairs for them to learn."""

import numpy as np
import torch

from influencespace.features.grid import CELLS, Grid
from influencespace.pairs.views import HeldOut
from influencespace.training.cross import CrossTrainer
from influencespace.training.data import TrainingData
from influencespace.training.loop import Settings
from influencespace.training.lxmert import Lxmert
from influencespace.training.visualbert import VisualBert

KINDS = (VisualBert, Lxmert)
CPU = torch.device("cpu")
WIDTH = 24
TRAIN, HELD = 160, 40
SETTINGS = Settings(3e-3, 2, 16)


def planted(encoder, kind, model=None, noise=0.5, seed=0):
    """A trainer of photos that show one of twelve things and captions that say which; the dual encoder sees it dimly."""
    rng = np.random.default_rng(seed)
    n = TRAIN + 2 * HELD
    things = [f"a {c} {a} {v}" for c in ("red", "blue") for a in ("dog", "cat", "ball") for v in ("runs", "sleeps")]
    shown = rng.integers(len(things), size=n)
    vectors = rng.normal(size=(len(things), 8))
    sides = [torch.nn.functional.normalize(torch.from_numpy(vectors[shown] + rng.normal(size=(n, 8))), dim=1) for _ in range(2)]
    cells = rng.normal(size=(len(things), CELLS, WIDTH))[shown] + noise * rng.normal(size=(n, CELLS, WIDTH))
    splits = [HeldOut(rows, np.arange(HELD), rows, {}) for rows in (np.arange(TRAIN, TRAIN + HELD), np.arange(TRAIN + HELD, n))]
    data = TrainingData(*(side.float() for side in sides), torch.arange(n), np.arange(TRAIN), *splits, True, 10.0)
    return CrossTrainer(kind, data, encoder, Grid(cells.astype(np.float16), np.arange(n)), [things[i] for i in shown], model)
