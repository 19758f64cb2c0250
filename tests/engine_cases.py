"""What the tests of the engine share: the objective as a plain loop, and pairs of which a share is planted wrong."""

import shutil

import numpy as np
import pandas as pd
import torch

from influencespace.clusters.options import ClusterOptions
from influencespace.curation.options import PlanOptions, VerifyOptions
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import EffectOptions, ScoreOptions
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.proxy.options import ProxyOptions
from influencespace.stages import run_stages
from influencespace.workspace import Workspace


def plain_losses(logits, weights=None, photo=None):
    """The loss of every pair of a batch by its definition, term by term; of tensors, so that it can be differentiated."""
    b = len(logits)
    weights = [1.0] * b if weights is None else weights
    losses = []
    for i in range(b):
        by_image = by_text = 0.0
        for j in range(b):
            if j != i and photo is not None and photo[i] == photo[j]:
                continue
            by_image = by_image + weights[j] * torch.exp(logits[i, j])
            by_text = by_text + weights[j] * torch.exp(logits[j, i])
        losses.append(0.5 * (torch.log(by_image) - logits[i, i]) + 0.5 * (torch.log(by_text) - logits[i, i]))
    return torch.stack(losses)


def planted_views(n, k, wrong=0.25, seed=0, aligned=False, noise=0.3):
    """Two noisy views (n, k) of one vector, of which a share is swapped among pairs; and (n,) bool which."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(n, k))
    swapped = np.sort(rng.choice(n, int(wrong * n), replace=False))
    told = source.copy()
    told[swapped] = source[np.roll(swapped, 1)]
    turn = np.eye(k) if aligned else np.linalg.qr(rng.normal(size=(k, k)))[0]
    image, text = (view + noise * rng.normal(size=(n, k)) for view in (source, told @ turn))
    return image, text, np.isin(np.arange(n), swapped)


def planted_pairs(n=120, k=5, photo=None, train=None, aligned=False, **how):
    """Prepared pairs in double precision, and (n,) bool which are wrong."""
    image, text, wrong = planted_views(n, k, aligned=aligned, **how)
    x, y = (torch.nn.functional.normalize(torch.from_numpy(view), dim=1) for view in (image, text))
    pairs = PreparedPairs(
        x, y, np.arange(n) if photo is None else photo, np.arange(n) if train is None else train,
        torch.eye(k, dtype=torch.float64) if aligned else None,
    )
    return pairs, wrong


PAIRS = {"train": 240, "validation": 80, "test": 80}
TOPICS = (("dog", "park"), ("boat", "sea"), ("cake", "table"), ("train", "station"))
# Small enough that all stages together take seconds.
SMALL = {
    "embed": EmbedOptions(),
    "proxy": ProxyOptions(folds=2, repeats=2, ridge=1e-3, dimensions=16, batch_size=64),
    "cluster": ClusterOptions(topics=4, strata=5),
    "score": ScoreOptions(rank=16),
    "plan": PlanOptions(reduction=0.2),
    "effects": EffectOptions(removal_dimensions=16),
    "verify": VerifyOptions(clusters=6),
}


def planted_folder(path, aligned=False, seed=0):
    """A clip-retrieval folder of two 16-dimensional views of 400 pairs of four topics; (240,) bool, the training pairs
    (the first ones) that are wrong: a quarter."""
    rng = np.random.default_rng(seed)
    n, k = sum(PAIRS.values()), 16
    topic = rng.integers(0, len(TOPICS), n)
    source = rng.normal(size=(n, k)) + 2 * np.eye(len(TOPICS), k)[topic]
    split = np.repeat(list(PAIRS), list(PAIRS.values()))
    swapped = np.sort(rng.choice(PAIRS["train"], PAIRS["train"] // 4, replace=False))
    told = source.copy()
    told[swapped] = source[np.roll(swapped, 1)]
    turn = np.eye(k) if aligned else np.linalg.qr(rng.normal(size=(k, k)))[0]
    views = {"img_emb": source, "text_emb": told @ turn}
    # An encoder that is nearly right would leave nothing to train.
    noise = 0.9 if aligned else 0.2
    for name, view in views.items():
        (path / name).mkdir(parents=True)
        np.save(path / name / f"{name}_0.npy", (view + noise * rng.normal(size=(n, k))).astype(np.float16))
    (path / "metadata").mkdir()
    words = [f"a {TOPICS[t][0]} at the {TOPICS[t][1]} number {i}" for i, t in enumerate(topic)]
    place = np.where(rng.random(n) < 0.4, "north", "south")
    pd.DataFrame({"caption": words, "split": split, "place": place}).to_parquet(path / "metadata" / "metadata_0.parquet")
    return np.isin(np.arange(PAIRS["train"]), swapped)


def planted_import(folder):
    """What imports such a folder."""
    return ImportOptions(source=str(folder), holdout_column="split", groups=("place",))


def planted_workspace(path, aligned=False):
    """A workspace taken to a plan, and (240,) bool which training pairs are wrong."""
    wrong = planted_folder(path / "source", aligned)
    workspace = Workspace(path / "workspace", create=True)
    run_stages(workspace, {"import": planted_import(path / "source")} | SMALL)
    return workspace, wrong


_built = {}


def shared_workspace(tmp_path_factory, aligned=False):
    """:func:`planted_workspace`, made once for all tests that only read it."""
    if aligned not in _built:
        _built[aligned] = planted_workspace(tmp_path_factory.mktemp("planted"), aligned)
    return _built[aligned]


def copied_workspace(tmp_path_factory, path, aligned=False):
    """A copy of it, to change."""
    workspace, wrong = shared_workspace(tmp_path_factory, aligned)
    return Workspace(shutil.copytree(workspace.path, path)), wrong
