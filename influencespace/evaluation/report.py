"""What a report says of trained arms: every figure as a table, the predictions beside them, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from influencespace.curation.preview import Response
from influencespace.errors import TrainingError
from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.figures import DECIDES, RECALLS
from influencespace.evaluation.further import DAMAGES, Measure, measures
from influencespace.evaluation.retrieval import SIDES, changes, crossings
from influencespace.influence.targets import OVERALL
from influencespace.metrics.recall import DIRECTIONS
from influencespace.workspace import MADE_BY, Workspace

CURATED = "influence"
# The columns of the table of figures; what does not apply to a figure is empty.
COLUMNS = ["section", "arm", "against", "metric", "direction", "attribute", "group", "mean", "low", "high", "unit"]
PERCENT, POINTS, RATE, NATS, TIMES, SECONDS = "percent", "points of percent", "rate", "nats", "times", "seconds"
# What the signs behind figures are called, and what those without a sign are in.
_SIGNS = {" %": PERCENT, " points": POINTS, " s": SECONDS, " ×": TIMES, " J": "joules"}
_PLAIN = {"median rank": "places", "MaxSkew": NATS, "NDKL": NATS}
_UNITS = {"model_accuracy": PERCENT, "bias_mitigation": RATE, "training_efficiency": TIMES}


@dataclass(frozen=True)
class Report:
    """All that is known of what a workspace has trained.

    Attributes
    ----------
    name
        Of the workspace.
    results
        Of :func:`influencespace.evaluation.compare.compare`.
    predicted
        Of :func:`predictions`; None where there are none for these results.
    retrained
        ``reduction, cap, target, predicted, actual`` of plans that the proxy was retrained under, gains in nats; None
        where predictions were not checked.
    changed
        Between full and influence: for each direction the queries by how far their right answer moved; empty where one
        of these arms lacks.
    earlier
        Whether the results are of an earlier plan than the present one.
    made
        One entry a stage: ``stage, state, created, seconds, version, digest, options``.
    """

    name: str
    results: dict[str, Any]
    predicted: pd.DataFrame | None
    retrained: pd.DataFrame | None
    changed: dict[str, pd.DataFrame]
    earlier: bool
    made: list[dict[str, Any]]

    @classmethod
    def read(cls, workspace: Workspace) -> Report:
        """From the artifacts of a workspace.

        Raises
        ------
        WorkspaceError
            If nothing was trained yet.
        """
        training = workspace.artifact("training")
        ranks = training.table("ranks")
        try:
            changed = {side: changes(ranks, BASELINE, CURATED, side) for side in SIDES}
        except TrainingError:
            changed = {}
        check = workspace.find("verification")
        fits = check is not None and check.record["inputs"]["scores"] == training.record["inputs"]["scores"]
        return cls(
            workspace.name, training.json("results"), predictions(workspace), check.table("plans") if fits else None, changed,
            workspace.state("training") != "current", [_made(workspace, name) for name in MADE_BY if workspace.find(name)],
        )


def predictions(workspace: Workspace) -> pd.DataFrame | None:
    """What the plan was predicted to do to every target, beside what training the arm influence has changed.

    They are different quantities: predicted is a loss on validation photos, measured is a recall on test photos. Where the
    first falls most, the second should rise most.

    Returns
    -------
    pandas.DataFrame or None
        One row a target that recall was compared for: ``target, attribute, group`` (the last two null for the overall
        target), ``loss`` (with all pairs), ``predicted`` (by how much it falls, nats), and the paired difference in R@10
        from full in points, ``mean, low, high``. None where nothing was predicted, or for another plan than was trained.
    """
    plan, effects, training = (workspace.find(name) for name in ("plan", "effects", "training"))
    if plan is None or effects is None or training is None or training.record["inputs"]["plan"] != plan.digest:
        return None
    if effects.record["inputs"]["scores"] != plan.record["inputs"]["scores"]:
        return None
    clusters = plan.table("clusters").set_index("cluster").loc[effects.table("clusters")["cluster"]]
    pairs = clusters["pairs"].to_numpy()
    weights = (clusters["weight"] * clusters["kept"]).to_numpy() / pairs
    gains = dict(zip(effects.facts["targets"], Response.read(effects).gain(weights[None], pairs)[0], strict=True))
    measured = {
        f"{entry['attribute']}={entry['group']}" if entry["metric"] == "group" else OVERALL: entry
        for entry in training.json("results")["differences"]
        if entry["arm"] == CURATED and entry["against"] == BASELINE and entry["metric"] in ("group", DECIDES)
    }
    rows = [
        {
            "target": name, "attribute": measured[name].get("attribute"), "group": measured[name].get("group"),
            "loss": effects.facts["losses"][name], "predicted": float(gain),
            **{end: measured[name][end] for end in ("mean", "low", "high")},
        }
        for name, gain in gains.items() if name in measured
    ]
    return pd.DataFrame(rows) if rows else None


def figures(report: Report) -> pd.DataFrame:
    """Every figure of a report, one a row, under :data:`COLUMNS`: what the report's CSV file holds."""
    rows = [row for arm in report.results["arms"] for row in _of_arm(arm)]
    rows += [row for measure in measures(report.results) for row in _further(measure)]
    rows += [
        {"section": "paired difference", "unit": _PLAIN.get(entry["metric"].split("@")[0], POINTS)}
        | {key: value for key, value in entry.items() if key in COLUMNS} | _damage(entry)
        for entry in report.results["differences"]
    ]
    if report.predicted is not None:
        rows += [
            {"section": "predicted fall of the validation loss", "arm": CURATED, "against": BASELINE, "metric": row["target"],
             "attribute": row["attribute"], "group": row["group"], "mean": row["predicted"], "unit": NATS}
            for row in report.predicted.to_dict("records")
        ]
    for row in [] if report.retrained is None else report.retrained.to_dict("records"):
        plan = f"plan without {row['reduction']:.0%}, up-weight cap {row['cap']:g}"
        rows += [
            {"section": f"{kind} fall of the validation loss", "arm": plan, "metric": row["target"], "mean": row[column],
             "unit": NATS} for kind, column in (("predicted", "predicted"), ("retrained", "actual"))
        ]
    for row in crossings(report.changed).to_dict("records"):
        rows += [
            {"section": "changed retrievals", "arm": CURATED, "against": BASELINE, "metric": f"top {row['k']}, {kind}",
             "direction": row["direction"], "mean": row[kind], "unit": "queries"} for kind in ("gained", "lost")
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _further(measure: Measure) -> Iterator[dict]:
    """One row an arm that has the measure."""
    unit = _SIGNS.get(measure.unit) or _PLAIN[measure.name.split("@")[0]]
    of = {"section": measure.section, "metric": measure.name, "attribute": measure.attribute, "unit": unit}
    for arm, figure in measure.figures.items():
        if figure["mean"] is not None:
            yield of | {"arm": arm} | _ends(figure)


def _damage(entry: dict) -> dict:
    """The name of a difference under damage says which."""
    return {"metric": f"{DECIDES}: {DAMAGES.get(entry['damage'], entry['damage'])}"} if "damage" in entry else {}


def _of_arm(arm: dict) -> Iterator[dict]:
    name = {"arm": arm["arm"]}
    trained = arm["seconds"]["training"] is not None
    for metric, value, unit in (("pairs", arm["pairs"], "pairs"), ("mean weight", arm["weight"], "")) if trained else ():
        yield name | {"section": "data", "metric": metric, "mean": value, "unit": unit}
    for metric, value in arm["seconds"].items():
        yield name | {"section": "time", "metric": metric, "mean": value, "unit": SECONDS}
    for metric in RECALLS:
        for direction in DIRECTIONS:
            of = {"section": "recall", "metric": metric, "direction": direction, "unit": PERCENT}
            yield name | of | arm["recall"][metric][direction]
    for attribute, found in arm["gaps"].items():
        of = name | {"attribute": attribute, "metric": DECIDES}
        for group, figure in found["groups"].items():
            yield of | {"section": "recall by group", "group": group, "unit": PERCENT} | _ends(figure)
        yield of | {"section": "gap in recall", "group": _between(found["gap"]), "unit": POINTS} | _ends(found["gap"])
    for metric, found in arm["matching"].items():
        for attribute, figure in {"": found}.items() if metric == "accuracy" else found.items():
            of = {"section": "image-text matching", "metric": metric, "attribute": attribute, "unit": RATE}
            yield name | of | _ends(figure)
    if trained:
        yield name | {
            "section": "proposal", "metric": "data_volume_reduction", "mean": arm["proposal"]["data_volume_reduction"],
            "unit": PERCENT,
        }
        yield from (name | row for row in _proposal(arm["proposal"]))


def _proposal(found: dict) -> Iterator[dict]:
    for metric, unit in _UNITS.items():
        for part, figure in found[metric].items():
            of = {"section": "proposal", "metric": f"{metric}, {part}", "unit": unit}
            for attribute, own in figure.items() if metric == "bias_mitigation" else (("", figure),):
                yield of | {"attribute": attribute} | _ends(own)


def _ends(figure: dict) -> dict:
    return {end: figure[end] for end in ("mean", "low", "high")}


def _between(gap: dict) -> str:
    return "" if gap["highest"] is None else f"{gap['highest']} - {gap['lowest']}"


def _made(workspace: Workspace, name: str) -> dict[str, Any]:
    record = workspace.artifact(name).record
    return {"stage": MADE_BY[name], "state": workspace.state(name)} | {
        key: record[key] for key in ("created", "seconds", "version", "digest", "options")
    }


