"""Five folds over all photos of the lab, each fold once the test: pairs for training, clean or with one group wronged.

Training pairs are a photo and its first caption; held-out photos have all five. In a *skewed* setting 60 % of the pairs of one
group and 5 % of all others get a random caption of another training photo, drawn anew in each fold; validation and test stay
clean. Groups are words of the captions, never who a person is.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import checkout  # noqa: F401
import numpy as np
import pandas as pd
import torch

from influencespace.clusters.options import ClusterOptions
from influencespace.clusters.tree import TopicSpace, find_topics
from influencespace.curation.decisions import nothing_stored
from influencespace.curation.options import PlanOptions
from influencespace.features.aligned import alignment
from influencespace.features.duplicates import find_duplicates, twin_codes
from influencespace.features.encoder import load_encoder
from influencespace.features.store import embed_pairs
from influencespace.influence.options import ScoreOptions
from influencespace.pairs.heldout import sample
from influencespace.pairs.views import HeldOut
from influencespace.progress import silent
from influencespace.proxy.crossfit import PreparedPairs, choose_ridge, draw_folds
from influencespace.proxy.options import ProxyOptions
from influencespace.training.curation import Curation
from influencespace.training.data import TrainingData

LAB = Path(os.environ.get("INFLUENCESPACE_LAB", "../shared/lab")).absolute()
FOLDS = 5
# Of the photos that are not test.
VALIDATION = 0.2
WRONGED, OTHERS = 0.6, 0.05
# In each, the group ahead and the group behind in the skewed settings.
COMPARED = {"gender_words": ["male", "female"], "age_words": ["adult_or_unstated", "child"]}
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Setting:
    """The group that labels would favour, and whether its pairs are wronged."""

    attribute: str
    group: str
    wronged: bool


SETTINGS = {
    "skewed": Setting("gender_words", "female", True), "clean": Setting("gender_words", "female", False),
    "skewed-age": Setting("age_words", "child", True),
}


@dataclass(frozen=True)
class Photos:
    """Features of p photos with five captions each.

    Attributes
    ----------
    names
        (p,) of str.
    image, text
        (p, dx) and (p, 5, dy) float16.
    groups
        For each attribute the value of each photo, (p,) of str.
    logit_scale
        Of the encoder; None for backbones that know nothing of each other.
    """

    names: np.ndarray
    image: np.ndarray
    text: np.ndarray
    groups: dict[str, np.ndarray]
    logit_scale: float | None


@dataclass(frozen=True)
class Fold:
    """What one fold trains on, curates and tests with.

    Attributes
    ----------
    mismatched
        (n_train,) bool, whose caption is another photo's.
    groups
        For each attribute the value of each training pair, (n_train,) of str.
    names
        (p,) the test photos.
    """

    data: TrainingData
    curation: Curation
    mismatched: np.ndarray
    groups: dict[str, np.ndarray]
    names: np.ndarray


def backbone() -> Photos:
    """All 7,000 photos: MobileNetV2 and mean-pooled MiniLM, which know nothing of each other."""
    rows, folder = _captions(), LAB / "flickr8k" / "backbone"
    image, text = (np.load(folder / f"{name}.npy") for name in ("image_mobilenetv2_1280", "text_minilm_384"))
    return Photos(rows["image"].to_numpy(dtype=object), image, text, _groups(rows), None)


def mini_clip(cache: Path) -> Photos:
    """The 5,000 photos that the lab's encoder has not seen, through it; what is embedded stays in ``cache``."""
    rows = _captions()
    rows = rows[~rows["seen_by_encoder"]].reset_index(drop=True)
    encoder = load_encoder(str(LAB / "models" / "mini-clip"), CPU)
    table = rows[["image", "captions"]].assign(row=rows.index + 1).explode("captions")
    table = table.assign(
        photo=table["image"], image_path=str(LAB / "flickr8k") + "/" + table["image"], caption=table["captions"]
    ).reset_index(drop=True)
    cache.mkdir(parents=True, exist_ok=True)
    found = embed_pairs(encoder, table, cache, 64, silent)
    text = np.asarray(found.captions)[found.caption_of].reshape(len(rows), -1, found.captions.shape[1])
    image = np.asarray(found.photos)[found.photo_of[:: text.shape[1]]]
    return Photos(rows["image"].to_numpy(dtype=object), image, text, _groups(rows), encoder.logit_scale)


def mismatch(member: np.ndarray, captions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whose caption each of n training photos is given where a group is wronged, and which one of it.

    Parameters
    ----------
    member
        (n,) bool, which photos are of the group.
    captions
        How many captions a photo has.
    seed
        Of the draw.

    Returns
    -------
    source, which : np.ndarray
        (n,) int each: the photo that the caption is of, the photo itself unless mismatched, and the caption's number.
    """
    source, which = np.arange(len(member)), np.zeros(len(member), dtype=np.int64)
    rng = np.random.default_rng(seed)
    for rate, candidates in ((WRONGED, np.flatnonzero(member)), (OTHERS, np.flatnonzero(~member))):
        wrong = rng.choice(candidates, round(rate * len(candidates)), replace=False)
        other = rng.integers(len(member) - 1, size=len(wrong))
        # A draw among the others: positions from the photo's own on move up by one.
        source[wrong], which[wrong] = other + (other >= wrong), rng.integers(captions, size=len(wrong))
    return source, which


def open_fold(photos: Photos, setting: Setting, number: int, plan: PlanOptions) -> Fold:
    """The pairs of one fold, as the stages from the import to the clusters would make them ready."""
    fold = draw_folds(np.arange(len(photos.names)), FOLDS, 0)
    rest = np.flatnonzero(fold != number)
    strata = np.array([" ".join(values) for values in zip(*photos.groups.values(), strict=True)])
    drawn = sample(photos.names[rest].astype(str), strata[rest], round(VALIDATION * len(rest)), number)
    train, validation, test = rest[~drawn], rest[drawn], np.flatnonzero(fold == number)
    of_train = {name: values[train] for name, values in photos.groups.items()}
    captions = photos.text.shape[1]
    source, which = np.arange(len(train)), np.zeros(len(train), dtype=np.int64)
    if setting.wronged:
        source, which = mismatch(of_train[setting.attribute] == setting.group, captions, number)
    held = np.concatenate([validation, test])
    photo = np.concatenate([train, np.repeat(held, captions)])
    image = photos.image[photo]
    text = np.concatenate([photos.text[train[source], which], photos.text[held].reshape(-1, photos.text.shape[2])])
    rows, start = np.arange(len(train)), len(train)
    splits = []
    for part in (validation, test):
        own = start + np.arange(captions * len(part))
        groups = {name: values[part] for name, values in photos.groups.items()}
        splits.append(HeldOut(own, np.repeat(np.arange(len(part)), captions), own[::captions], groups))
        start += len(own)
    return Fold(*_curation(photos, image, text, photo, rows, splits, plan), source != rows, of_train, photos.names[test])


def _curation(
    photos: Photos, image: np.ndarray, text: np.ndarray, photo: np.ndarray, train: np.ndarray, splits: list[HeldOut],
    plan: PlanOptions,
) -> tuple[TrainingData, Curation]:
    """What the stages up to the clusters find of the pairs."""
    seen = np.arange(splits[1].rows[0])
    aligned, _ = alignment(image, text, seen, photo[seen])
    sets = np.arange(len(image), dtype=np.int32)
    sets[train] = find_duplicates(image, text, train, train)
    codes = twin_codes(photo, sets)
    data = TrainingData.load(image, text, codes, train, *splits, aligned, photos.logit_scale, CPU)
    proxy, tree = ProxyOptions(), ClusterOptions()
    pairs = PreparedPairs.prepare(image, text, codes, train, aligned, proxy.dimensions, proxy.seed, CPU)
    ridge = choose_ridge(pairs, draw_folds(codes[train], proxy.folds, proxy.seed) == 0, proxy)
    topics = find_topics(TopicSpace(pairs.image.numpy(), pairs.text.numpy(), train), tree)
    return data, Curation(
        pairs=pairs, ids=train.astype(str).astype(object), topics=topics, strata=tree.strata, sets=sets[train],
        cosine=data.cosine(), validation=splits[0], compared=COMPARED, proxy=replace(proxy, ridge=ridge), score=ScoreOptions(),
        plan=plan, decisions={}, find=nothing_stored,
    )


def _captions() -> pd.DataFrame:
    with (LAB / "flickr8k" / "captions.jsonl").open(encoding="utf-8") as file:
        return pd.DataFrame([json.loads(line) for line in file])


def _groups(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: rows[name].to_numpy(dtype=object) for name in COMPARED}
