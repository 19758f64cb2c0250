"""Dynamic curation: the plan is made anew during training, from what the model has learnt by then.

Training begins with the weights of the fixed plan. After each scheduled epoch all pairs are embedded by the model as it is,
cross-fitted proxies are fitted to these features, agreement and influence are computed anew (the same folds, targets and
validation photos), a plan is made with the same options and decisions, and training goes on with its weights. Steps and
learning rates are those that training has without it.

No pair is judged by a proxy that was fitted to it. But the features come from a model that was: a wrong pair that it has
memorised looks less wrong than it is. How much that costs is measured in docs/results.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from influencespace.pairs.views import HeldOut
from influencespace.progress import Progress, silent
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.training.arms import Redrawn
from influencespace.training.curation import Curation
from influencespace.training.options import TrainOptions
from influencespace.training.runs import Embedded, Judged

# What the model as it is says of a split.
Judge = Callable[[HeldOut], Judged]
TOGETHER = ("visualbert", "lxmert")
NO_SCHEDULE = "it needs the epochs after which to curate anew: --schedule"
TOO_LATE = "training ends with epoch {epochs}, and it was to curate anew only after epoch {first}: --schedule"
NO_FEATURES = "a model that reads photo and caption together gives neither of them features to curate by"


def impossible(options: TrainOptions, epochs: int | None = None) -> str | None:
    """Why the arm ``dynamic`` cannot be trained, for so many epochs if that is known by now, or None if it can."""
    if not options.schedule:
        return NO_SCHEDULE
    if options.trainer in TOGETHER:
        return NO_FEATURES
    first = min(options.schedule)
    return TOO_LATE.format(epochs=epochs, first=first) if epochs is not None and first >= epochs else None


class Recuration:
    """Curates anew after the scheduled epochs of one training; what a training loop calls after each epoch.

    Parameters
    ----------
    curation
        The pairs, options and decisions of the fixed plan.
    seed
        The number of the redrawing, 0 = the first: its folds are drawn again.
    schedule
        The epochs, from 1, after which a plan is made.
    judge
        Embeds a split by the model as it is then.
    spent
        Told of ``seconds`` whenever they have grown, so that they outlive a training that is killed.

    Attributes
    ----------
    seconds
        What it has taken so far, which is scoring and not training.
    """

    def __init__(
        self, curation: Curation, seed: int, schedule: tuple[int, ...], judge: Judge, progress: Progress = silent,
        spent: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        # The ridge was chosen for other features.
        self.curation = replace(curation, proxy=replace(curation.proxy, ridge=None))
        self.seed, self.schedule, self.judge, self.progress, self.spent = seed, frozenset(schedule), judge, progress, spent
        self.seconds = 0.0

    def __call__(self, epoch: int) -> np.ndarray | None:
        """(n_train,) weights to go on with after this epoch (from 1), or None to go on as before."""
        if epoch not in self.schedule:
            return None
        began = time.perf_counter()
        pairs = self.embedded()
        weights = Redrawn(replace(self.curation, pairs=pairs), self.seed, self.progress).influence()
        self.seconds += time.perf_counter() - began
        self.spent(self.seconds)
        return weights

    def embedded(self) -> PreparedPairs:
        """The pairs as the proxies see them, by the features that the model gives them now.

        Those of the test photos stay zero: nothing looks at them.
        """
        before, validation = self.curation.pairs, self.curation.validation
        train = HeldOut(before.train, np.arange(len(before.train)), before.train, {})
        sides: dict[str, np.ndarray] = {}
        for split in (train, validation):
            found = self.judge(split)
            if not isinstance(found, Embedded):
                raise TypeError(f"{type(found).__name__} holds no features; dynamic curation needs an embedding model")
            for side, rows, values in (("image", split.rows, found.image[found.photo]), ("text", split.rows, found.text)):
                if side not in sides:
                    sides[side] = np.zeros((len(before.photo), values.shape[1]), dtype=np.float32)
                sides[side][rows] = values
        return PreparedPairs.prepare(
            sides["image"], sides["text"], before.photo, before.train, before.similarity is not None,
            self.curation.proxy.dimensions, self.curation.proxy.seed, before.image.device,
        )
