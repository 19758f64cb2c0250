"""Gaps between groups, measured with power: five folds over all photos of the lab, every fold once the test.

    python benchmarks/fairness.py --out DIR [--features backbone] [--settings skewed] [--seeds 5] [--tables]
        [--fixed RATE EPOCHS]

Features are those of two backbones (7,000 photos) and of the lab's encoder (the 5,000 photos that it has not seen); settings
are skewed (60 % of the female-word pairs and 5 % of all others mismatched), clean, and skewed-age (the same for child words).
A fifth of the photos that are not test is validation. Learning rate and epochs are chosen on the validation recall of full in
the first fold, or given by --fixed, and the same for all arms. Every finished run is written to DIR at once, and what is there
is not computed again. The data are found through the environment variable INFLUENCESPACE_LAB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fairness_folds import COMPARED, FOLDS, SETTINGS, Fold, Photos, Setting, backbone, mini_clip, open_fold
from fairness_tables import against_table, arms_table, read, rows

from influencespace.clusters.tree import cluster_ids, cut_strata
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan
from influencespace.evaluation.measure import Measured, measure_run
from influencespace.evaluation.store import save_measures
from influencespace.influence.targets import make_targets
from influencespace.training.arms import Redrawn
from influencespace.training.baselines import full, random, without_least
from influencespace.training.curation import Curation
from influencespace.training.heads import HeadsTrainer
from influencespace.training.loop import Settings
from influencespace.training.trainer import train_arm, trial_scores
from influencespace.training.tuning import tune
from influencespace.workspace import Draft

FEATURES = ("backbone", "mini-clip")
FAIRNESS = (0.5, 1.0, 2.0)
# What a curator who knows the group of every pair would do without influence.
LABEL_WEIGHT = 3.0
TUNING_SEEDS = (0, 1)
# All is measured with three seeds before any of it with more.
FIRST_SEEDS = 3


@dataclass(frozen=True)
class Case:
    """One kind of features in one setting, the folder of its runs, and how heads are trained if that is not chosen."""

    features: str
    name: str
    folder: Path
    fixed: Settings | None = None

    @property
    def setting(self) -> Setting:
        """Who is wronged."""
        return SETTINGS[self.name]

    def run(self, fold: int, arm: str, seed: int) -> Path:
        """The folder of a run; it is there only when the run is finished."""
        return self.folder / f"fold={fold}" / f"{arm}={seed}"


@dataclass(frozen=True)
class Found:
    """What one seed finds out about n training pairs; every plan is made of it.

    Attributes
    ----------
    agreement
        (n,) standardised.
    scores
        (n, targets) influence, shrunk; the targets are those of ``influence.targets.make_targets``.
    loss, loss_error
        (targets,) validation loss and its standard error.
    """

    agreement: np.ndarray
    scores: np.ndarray
    loss: np.ndarray
    loss_error: np.ndarray

    @classmethod
    def by(cls, redrawn: Redrawn) -> Found:
        """Fit the proxies of a seed and score the pairs with them."""
        scored = redrawn.scored
        return cls(redrawn.fitted.agreement, scored.scores.astype(np.float32), scored.loss, scored.loss_error)

    @classmethod
    def kept(cls, path: Path, redrawn: Redrawn) -> Found:
        """What was found before, or else find it and keep it: a further plan then costs its training alone."""
        if not path.exists():
            draft = path.with_name("draft.npz")
            draft.parent.mkdir(parents=True, exist_ok=True)
            np.savez(draft, **vars(cls.by(redrawn)))
            draft.rename(path)
        with np.load(path, allow_pickle=False) as stored:
            return cls(**stored)


def arms_of(setting: Setting) -> list[str]:
    """The arms by name; ``influence age_words 0.5`` is the plan with that fairness weight between the groups of age words."""
    influence = ["influence 0", *(f"influence {attribute} {weight:g}" for attribute in COMPARED for weight in FAIRNESS)]
    known = ["oracle"] if setting.wronged else []
    return ["full", "random", *known, "agreement", "agreement, labels x3", *influence, "influence 0, labels x3"]


def weights_of(fold: Fold, setting: Setting, found: Found, seed: int) -> dict[str, np.ndarray]:
    """(n_train,) weights of every arm."""
    out = {
        "full": full(fold.curation, seed), "random": random(fold.curation, seed),
        "agreement": without_least(found.agreement, fold.curation.removed), "influence 0": plan(fold.curation, found, None, 0.0),
    }
    if setting.wronged:
        out["oracle"] = np.where(fold.mismatched, 0, 1).astype(np.float32)
    for attribute in COMPARED:
        for weight in FAIRNESS:
            out[f"influence {attribute} {weight:g}"] = plan(fold.curation, found, attribute, weight)
    favoured = np.where(fold.groups[setting.attribute] == setting.group, LABEL_WEIGHT, 1).astype(np.float32)
    for arm in ("agreement", "influence 0"):
        out[f"{arm}, labels x3"] = (out[arm] > 0) * favoured
    return out


def plan(curation: Curation, found: Found, attribute: str | None, fairness: float) -> np.ndarray:
    """(n_train,) weights of the product's plan with a fairness weight between the groups of one attribute."""
    targets = make_targets(curation.validation, curation.compared)
    used = [q for q, target in enumerate(targets) if target.attribute in (None, attribute)]
    described = [
        {"attribute": targets[q].attribute, "loss": found.loss[q], "loss_error": found.loss_error[q]} for q in used
    ]
    clusters = cluster_ids(curation.topics, cut_strata(curation.topics, found.agreement, curation.strata))
    members = Members.of(clusters, curation.topics)
    return make_plan(
        found.scores[:, used].astype(np.float64), found.agreement, members, direction(described, fairness),
        resolve({}, curation.ids, members), replace(curation.plan, fairness=fairness), curation.sets,
    ).weights


def settings_of(case: Case, photos: Photos) -> Settings:
    """Those given, or else learning rate and epochs chosen once on the validation recall of full in the first fold."""
    if case.fixed is not None:
        return case.fixed
    path = case.folder / "settings.json"
    if not path.exists():
        trainer = HeadsTrainer(open_fold(photos, case.setting, 0, PlanOptions()).data)
        chosen, _ = tune(trainer.grid(), lambda settings: trial_scores(trainer, settings, TUNING_SEEDS))
        case.folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps({"learning_rate": chosen.learning_rate, "epochs": chosen.epochs}), encoding="utf-8")
        draft.rename(path)
    return Settings(**json.loads(path.read_text(encoding="utf-8")))


def missing_of(case: Case, fold: int, seed: int) -> list[str]:
    """The arms that are not measured yet."""
    return [arm for arm in arms_of(case.setting) if not case.run(fold, arm, seed).exists()]


def measure(case: Case, photos: Photos, settings: Settings, number: int, seeds: range) -> Iterator[int]:
    """Train and keep what one fold lacks; yields the seeds as they are done."""
    wanted = {seed: arms for seed in seeds if (arms := missing_of(case, number, seed))}
    if not wanted:
        return
    fold = open_fold(photos, case.setting, number, PlanOptions())
    for seed, arms in wanted.items():
        found = Found.kept(case.folder.parent / f"found-{number}-{seed}.npz", Redrawn(fold.curation, seed))
        weights = weights_of(fold, case.setting, found, seed)
        for arm in arms:
            run = train_arm(HeadsTrainer(fold.data), arm, weights[arm], settings, seed, 0.0)
            measured = measure_run(run, fold.data.test.groups, fold.data.validation.groups)
            keep(case.run(number, arm, seed), Measured([measured], fold.names, fold.data.test.groups, COMPARED))
        yield seed


def keep(folder: Path, measured: Measured) -> None:
    """Write a finished run; its folder appears in one step."""
    draft = folder.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_measures(Draft(draft), measured)
    draft.rename(folder)


def measure_all(cases: list[Case], out: Path, seeds: int) -> None:
    """Measure what is missing of all cases, with the first seeds before any of it with more."""
    photos: dict[str, Photos] = {}
    for block in (range(min(FIRST_SEEDS, seeds)), range(FIRST_SEEDS, seeds)):
        for case in cases:
            if case.features not in photos:
                photos[case.features] = backbone() if case.features == "backbone" else mini_clip(out / "mini-clip-features")
            settings = settings_of(case, photos[case.features])
            for number in range(FOLDS):
                for seed in measure(case, photos[case.features], settings, number, block):
                    print(f"{case.features}, {case.name}: fold {number}, seed {seed} is done", file=sys.stderr, flush=True)


def tables_of(case: Case) -> tuple[str, list[dict]]:
    """The tables of a case for every grouping as text, and their rows."""
    measured = read(case.folder, FOLDS)
    seeds = len({run.seed for run in measured.runs})
    text, found = [f"## {case.features}, {case.name}: {len(measured.photos):,} test photos, {seeds} seeds"], []
    for attribute in COMPARED:
        own = sorted(rows(measured, attribute), key=lambda row: arms_of(case.setting).index(row["arm"]))
        text += ["", f"{attribute}:", "", arms_table(own), "", against_table(own)]
        found += [{"features": case.features, "setting": case.name, "seeds": seeds} | row for row in own]
    return "\n".join(text), found


def main() -> None:
    """Measure what is missing and print the tables of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished runs")
    parser.add_argument("--features", nargs="+", choices=FEATURES, default=FEATURES)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=["skewed", "clean"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fixed", nargs=2, type=float, metavar=("RATE", "EPOCHS"), help="train so, instead of choosing")
    parser.add_argument("--tables", action="store_true", help="train nothing, only print what is there")
    given = parser.parse_args()
    fixed = Settings(given.fixed[0], int(given.fixed[1])) if given.fixed else None
    trained = f"{fixed.learning_rate:g}x{fixed.epochs}" if fixed else "chosen"
    cases = [Case(f, s, given.out / f / s / trained, fixed) for f in given.features for s in given.settings]
    if not given.tables:
        measure_all(cases, given.out, given.seeds)
    everything = []
    for case in cases:
        if case.folder.exists():
            text, found = tables_of(case)
            print(text, end="\n\n", flush=True)
            everything += found
    (given.out / f"figures-{trained}.json").write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
