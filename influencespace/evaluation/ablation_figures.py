"""What an ablation shows: recall and gaps at every value of every setting, and paired differences from the workspace's own.

Everything is a table of one row a setting, value and metric, which is also the CSV that one takes along.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from influencespace.errors import ExportError
from influencespace.evaluation.figures import RECALLS, ArmFigures, arm_figures, compared_groups
from influencespace.evaluation.measure import Measured
from influencespace.metrics.intervals import DRAWS, Rate
from influencespace.metrics.recall import BOTH
from influencespace.spreadsheets import csv_text

# The name under which runs with the workspace's own settings are measured.
OWN = "own"
GAP = "gap"
# A figure with the ends of its interval, and its difference from the own setting with those of that.
LEVEL, CHANGE = ("mean", "low", "high"), ("change", "change_low", "change_high")
COLUMNS = (
    "knob", "value", "own", "metric", "attribute", "ahead", "behind", *LEVEL, *CHANGE, "pairs", "training_seconds",
    "scoring_seconds",
)


def arm_of(knob: str, value: Any) -> str:
    """The name under which runs with one setting at another value are measured: ``cap=8``."""
    return f"{knob}={value:.12g}"


def ablation_figures(
    measured: Measured, grid: dict[str, list[Any]], own: dict[str, Any], *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Every figure with its 95 % interval, and its paired difference from the workspace's own setting.

    Parameters
    ----------
    measured
        The runs of ``own`` and of every other value (:func:`arm_of`), all with the same seeds.
    grid
        The values of each setting, the workspace's own among them.
    own
        The workspace's own value of each.
    draws, seed
        Of the two-way bootstrap over photos and seeds, the same resamples for all.

    Returns
    -------
    DataFrame
        One row a setting, value and metric, with the columns ``COLUMNS``. Recall (mean of both directions) and gaps are in
        points of percent. A gap is the Recall@10 of the group ``ahead`` less that of the group ``behind``: those two that lie
        farthest apart under the workspace's own setting, so that its sign means the same in every row. Differences of the own
        setting from itself are null.
    """
    figures = arm_figures(measured, draws, seed)
    rows = []
    for knob, values in grid.items():
        for value in values:
            is_own = value == own[knob]
            arm = figures[OWN if is_own else arm_of(knob, value)]
            base = {
                "knob": knob, "value": float(value), "own": is_own, "pairs": arm.pairs,
                "training_seconds": arm.training.point, "scoring_seconds": arm.scoring.point,
            }
            for metric, labels, rate, reference in _rates(arm, figures[OWN], measured):
                change = None if is_own else rate - reference
                rows.append(base | {"metric": metric} | labels | _figure(rate, LEVEL) | _figure(change, CHANGE))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(CHANGE, np.float64))


def csv_file(path: str, overwrite: bool = False) -> Callable[[pd.DataFrame], Path]:
    """What writes figures to a CSV file; whether it may is found out now, and not after the hours that figures may take.

    Raises
    ------
    ExportError
        If the file exists and is not to be replaced, or cannot be written.
    """
    file = Path(path).expanduser().absolute()
    if file.is_dir() or not file.parent.is_dir():
        raise ExportError(f"{file} cannot be written: it is a folder, or lies in a folder that does not exist.")
    if file.exists() and not overwrite:
        raise ExportError(f"{file} exists. Choose another file, or replace it with --overwrite.")

    def write(figures: pd.DataFrame) -> Path:
        draft = file.with_name(f".{file.name}.partial")
        try:
            draft.write_text(csv(figures), encoding="utf-8", newline="\n")
            draft.replace(file)
        except OSError as error:
            raise ExportError(f"{file} cannot be written: {error.strerror or error}.") from error
        return file

    return write


def csv(figures: pd.DataFrame) -> str:
    """Figures as CSV, one a row."""
    return csv_text(figures)


def plain_rows(figures: pd.DataFrame) -> list[dict[str, Any]]:
    """Figures as plain JSON values, null where there is none."""
    return figures.astype(object).where(figures.notna(), None).to_dict("records")


def _rates(arm: ArmFigures, own: ArmFigures, measured: Measured) -> list[tuple[str, dict[str, str], Rate, Rate]]:
    """Metric, what it is about, the rate, and that under the workspace's own setting."""
    nothing = dict.fromkeys(("attribute", "ahead", "behind"), "")
    found = [(metric, nothing, arm.recall[metric][BOTH], own.recall[metric][BOTH]) for metric in RECALLS]
    for attribute in measured.groups:
        rates = {group: own.groups[attribute][group] for group in compared_groups(measured, attribute)}
        if len(rates) > 1:
            behind, *_, ahead = sorted(rates, key=lambda group: rates[group].point)
            labels = {"attribute": attribute, "ahead": ahead, "behind": behind}
            rate, reference = (one.groups[attribute][ahead] - one.groups[attribute][behind] for one in (arm, own))
            found.append((GAP, labels, rate, reference))
    return found


def _figure(rate: Rate | None, names: tuple[str, str, str]) -> dict[str, float]:
    values = (np.nan,) * len(names) if rate is None else vars(rate.interval(100)).values()
    return dict(zip(names, values, strict=True))
