"""The report on trained arms as one HTML file that needs nothing else: figures are SVG, photos small and inside, no script.

It is read in a browser without any network, on paper, and in both themes; whoever reads it finds what was measured, how to
read it, and from what it was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path

from influencespace import __version__
from influencespace.errors import ExportError
from influencespace.evaluation.compare import BASELINE, verdict
from influencespace.evaluation.figures import RECALLS
from influencespace.evaluation.report import CURATED, Report, figures
from influencespace.metrics.fairness import OPPORTUNITY, PARITY
from influencespace.metrics.recall import BOTH
from influencespace.spreadsheets import csv_text
from influencespace.training.options import MEANING
from influencespace.ui import colours, svg
from influencespace.ui.report_measures import further
from influencespace.ui.report_parts import figure, framed, minus, order, seconds, signed, table
from influencespace.ui.report_retrievals import DIRECTIONS, changed
from influencespace.ui.training_charts import VERDICTS, arm_colour
from influencespace.workspace import Workspace

STYLE = Path(__file__).parent / "elements" / "report.css"
# The file is looked at anywhere: it runs nothing and fetches nothing, whatever stands in it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
SURELY = {
    "above": "surely above", "below": "surely below", "not worse": "not worse, at most 2 points below",
    "undecided": "undecided, for there are too few photos or seeds to tell",
}
HOW_TO_READ = (
    f"Arms are models trained alike on different pairs: {'; '.join(f'<b>{arm}</b>: {what}' for arm, what in MEANING.items())}.",
    "Recall@k (R@k) is how often the right answer is among the first k of all test photos or captions, in percent. Each photo "
    "counts once. Test photos are seen by nothing before: no choice was made on them.",
    "Figures in brackets are 95 % intervals from a two-way bootstrap over photos and seeds. A paired difference compares two "
    "arms photo by photo and seed by seed: above is surely above 0, below is surely below, not worse is at most 2 points below, "
    "and undecided means that there are too few photos or seeds to tell.",
    "A gap is the recall of the best served group less that of the worst. Parity and opportunity are the largest differences "
    "between groups in the rate of matches and of right matches in image-text matching (0 is fair); mitigation is how much "
    "smaller they are than with all pairs.",
    "Model accuracy is R@10 in percent of that of full; training efficiency is the training time of full divided by that of the "
    "arm.",
    "Predicted is a loss on validation photos, measured a recall on test photos: read order and sign, not size.",
)


def html(workspace: Workspace) -> str:
    """The report as one HTML document.

    Raises
    ------
    WorkspaceError
        If nothing was trained yet.
    """
    report = Report.read(workspace)
    results = report.results
    sections = [
        _head(report), table(*_arms(results)), "<h2>The four metrics of the proposal, against training on all pairs</h2>",
        table(*_proposal(results), long=0), "<h2>Recall</h2>", *_recall(results),
        "<h2>Paired differences</h2>", *_differences(results),
        "<h2>Gaps between groups</h2>", *_gaps(results),
        "<h2>Ranks, skew, classes, robustness and cost</h2>", *further(results),
        "<h2>Predicted against actual</h2>", *_predicted(report),
        "<h2>Retrievals that changed from full to influence</h2>", *changed(workspace, report),
        "<h2>How to read this</h2>", *(f"<p>{words}</p>" for words in HOW_TO_READ),
        "<h2>What it was made from</h2>", *_provenance(report),
    ]
    title = escape(f"Results of {report.name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{title}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>\n<body>\n"
        + "\n".join(part for part in sections if part) + "\n</body></html>\n"
    )


def csv(workspace: Workspace) -> str:
    """Every figure of the report as CSV, one a row."""
    return csv_text(figures(Report.read(workspace)))


def write_report(workspace: Workspace, output: str, csv_output: str = "", overwrite: bool = False) -> list[Path]:
    """Write the report as HTML, as CSV or both; returns the files. An empty name leaves that one out.

    Raises
    ------
    ExportError
        If a file exists and is not to be replaced, or cannot be written.
    WorkspaceError
        If nothing was trained yet.
    """
    wanted = [(Path(name).expanduser().absolute(), make) for name, make in ((output, html), (csv_output, csv)) if name]
    for path, _ in wanted:
        if path.exists() and not overwrite:
            raise ExportError(f"{path} exists. Choose another file, or replace it with --overwrite.")
    for path, make in wanted:
        text = make(workspace)
        temporary = path.with_name(f".{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8", newline="\n")
            temporary.replace(path)
        except OSError as error:
            raise ExportError(f"{path} cannot be written: {error.strerror or error}.") from error
    return [path for path, _ in wanted]


def _head(report: Report) -> str:
    results = report.results
    made = next(entry for entry in report.made if entry["stage"] == "train")
    earlier = '<p class="note">These results are of an earlier plan than the one that the workspace has now.</p>'
    return (
        f"<h1>Results of {escape(report.name)}</h1><p class='dim'>{results['photos']:,} test photos with {results['captions']:,} "
        f"captions, {len(results['seeds'])} seeds, trained {made['created']}. InfluenceSpace {escape(__version__)}.</p>"
        f"{earlier if report.earlier else ''}<p class='lead'>{sentence(results)}</p>"
    )


def sentence(results: dict) -> str:
    """What training says of the plan, in a sentence or two."""
    metric = results["decides"]
    for entry in results["differences"]:
        if (entry["arm"], entry["against"], entry["metric"]) == (CURATED, BASELINE, metric) and entry["mean"] is not None:
            arms = {arm["arm"]: arm for arm in results["arms"]}
            curated, full = (arms[name]["recall"][metric][BOTH]["mean"] for name in (CURATED, BASELINE))
            ends = f"95 % interval {entry['low']:+.1f} to {entry['high']:+.1f}"
            return minus(
                f"Trained on {arms[CURATED]['reduction']:.1f} % fewer pairs, the model finds the right answer among the first "
                f"{RECALLS[metric]} in {curated:.1f} % of the cases; trained on all pairs, in {full:.1f} %. That is "
                f"{entry['mean']:+.1f} points ({ends}): {SURELY[verdict(entry)]}."
            )
    return "The arms below were trained alike and tested on the same photos."


def _arms(results: dict) -> tuple[list[str], list[list[str]]]:
    head = ["arm", "pairs", "removed", *RECALLS, "training", "with choosing"]
    rows = []
    for arm in results["arms"]:
        trained = arm["seconds"]["training"] is not None
        volume = [f"{arm['pairs']:,}", f"{arm['reduction']:.1f} %"] if trained else ["–", "–"]
        recalls = [figure(arm["recall"][metric][BOTH]) for metric in RECALLS]
        times = [seconds(arm["seconds"][part]) for part in ("training", "total")]
        rows.append([f"<b>{escape(arm['arm'])}</b>", *volume, *recalls, *times])
    return head, rows


def _proposal(results: dict) -> tuple[list[str], list[list[str]]]:
    """One row a metric, one column an arm."""
    arms = [arm for arm in results["arms"] if arm["seconds"]["training"] is not None]
    found = [arm["proposal"] for arm in arms]
    decides, attributes = results["decides"], list(arms[0]["gaps"]) if arms else []
    rows = [
        ["data reduction", *(f"{own['data_volume_reduction']:.1f} %" for own in found)],
        [f"model accuracy ({decides})", *(figure(own["model_accuracy"][decides], 1, " %") for own in found)],
        *([f"bias mitigation, {escape(name)} ({kind.replace('_', ' ')})",
           *(figure(own["bias_mitigation"][kind][name], 3) for own in found)]
          for name in attributes for kind in ("demographic_parity", "equal_opportunity")),
        *([f"training efficiency, {part.replace('_', ' ')}",
           *(figure(own["training_efficiency"][part], 2, " ×") for own in found)]
          for part in ("without_scoring", "with_scoring")),
    ]
    return ["metric", *(escape(arm["arm"]) for arm in arms)], rows


def _recall(results: dict) -> Iterable[str]:
    for metric in RECALLS:
        arms = sorted(results["arms"], key=lambda arm, m=metric: -order(arm["recall"][m][BOTH]))
        rows = [(arm["arm"], arm["recall"][metric][BOTH], arm_colour(arm["arm"])) for arm in arms]
        yield f"<h3>{metric}, mean of both directions</h3>" + framed(svg.dots(
            rows, f"{metric} of each arm with its 95 % interval", f"{metric}, %"))
    head = ["arm", "direction", *RECALLS]
    yield "<h3>Both directions</h3>" + table(head, [
        [f"<b>{escape(arm['arm'])}</b>", words, *(figure(arm["recall"][metric][side]) for metric in RECALLS)]
        for arm in results["arms"] for side, words in DIRECTIONS.items()
    ])


def _differences(results: dict) -> Iterable[str]:
    metric = results["decides"]
    against = list(dict.fromkeys(entry["against"] for entry in results["differences"]))
    if not against:
        yield "<p>There is nothing to compare with: neither full nor random nor start was trained.</p>"
    for other in against:
        entries = [e for e in results["differences"] if (e["against"], e["metric"]) == (other, metric) and e["mean"] is not None]
        entries.sort(key=lambda entry: -entry["mean"])
        rows = [(entry["arm"], entry, VERDICTS[verdict(entry)]) for entry in entries]
        said = "; ".join(f"{escape(entry['arm'])} {signed(entry)}: {verdict(entry)}" for entry in entries)
        yield f"<h3>From {escape(other)}</h3>" + framed(svg.dots(
            rows, f"Paired difference in {metric} from {other}", f"{metric}: points above {other}, paired", zero=True), said)


def _gaps(results: dict) -> Iterable[str]:
    attributes = list(results["arms"][0]["gaps"]) if results["arms"] else []
    if not attributes:
        yield "<p>No group attributes were declared, so there are no gaps.</p>"
    for attribute in attributes:
        yield f"<h3>{escape(attribute)}</h3>"
        first = results["arms"][0]["gaps"][attribute]
        if first["gap"]["why"] is not None:
            yield f"<p>No gaps, because {escape(first['gap']['why'])}.</p>"
            continue
        rows = [(arm["arm"], arm["gaps"][attribute]["gap"], arm_colour(arm["arm"])) for arm in results["arms"]]
        rows.sort(key=lambda row: order(row[1]))
        yield framed(svg.dots(
            rows, f"Gap in recall between groups of {attribute}",
            f"gap in {results['decides']} between groups of {attribute}, points", zero=True,
        ))
        groups = [name for name, own in first["groups"].items() if own["compared"]]
        head = ["arm", *map(escape, groups), "parity", "opportunity"]
        yield table(head, [
            [f"<b>{escape(arm['arm'])}</b>", *(figure(arm["gaps"][attribute]["groups"][name]) for name in groups),
             figure(arm["matching"][PARITY][attribute], 3), figure(arm["matching"][OPPORTUNITY][attribute], 3)]
            for arm in results["arms"]
        ])


def _predicted(report: Report) -> Iterable[str]:
    rows = report.predicted
    if rows is None:
        yield "<p>Nothing was predicted for these results.</p>"
    else:
        tints = colours.categories(len(rows))
        entries = rows.astype(object).where(rows.notna(), None).to_dict("records")
        marks = [(row["target"], row["predicted"], row, tint) for row, tint in zip(entries, tints, strict=True)]
        yield framed(svg.points(
            marks, "Predicted fall of the validation loss against the measured rise of recall",
            ("predicted: fall of the validation loss", "measured: R@10 above full, points"),
        ))
        yield table(["target", "predicted fall of the validation loss", "of the loss", "measured: R@10 above full, points"], [
            [escape(row["target"]), minus(f"{row['predicted']:+.3f}"), minus(f"{-100 * row['predicted'] / row['loss']:+.1f} %"),
             figure(row)] for row in entries
        ])
    if report.retrained is not None:
        plans = report.retrained.groupby(["reduction", "cap"], sort=True)
        targets = list(report.retrained["target"].unique())
        yield (
            "<h3>Plans of other ratios, retrained</h3><p class='dim'>The same quantity twice: the fall of the validation loss as "
            "predicted → after retraining the small model that predicts.</p>"
        )
        yield table(["removed", "cap", *map(escape, targets)], [
            [f"{100 * reduction:.0f} %", f"{cap:g} ×", *(
                minus(f"{row.predicted:+.3f} → {row.actual:+.3f}")
                for row in part.set_index("target").loc[targets].itertuples()
            )] for (reduction, cap), part in plans
        ])


def _provenance(report: Report) -> Iterable[str]:
    settings = report.results.get("settings", {})
    chosen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in settings.get("chosen", {}).items())
    seeds = ", ".join(map(str, report.results["seeds"]))
    trainer, device = (escape(str(settings.get(name, "–"))) for name in ("trainer", "device"))
    yield (
        f"<p>Seeds {seeds}. Trainer {trainer}: {escape(chosen)}, chosen on the validation photos with all pairs and the same for "
        f"every arm; device {device}.</p>"
    )
    yield table(["stage", "made", "state", "version", "digest", "options"], [
        [entry["stage"], entry["created"], entry["state"], escape(entry["version"]), f"<code>{entry['digest'][:12]}</code>",
         f"<code>{escape(json.dumps(entry['options'], ensure_ascii=False))}</code>"] for entry in report.made
    ], long=5)
