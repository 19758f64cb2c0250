"""The part of the HTML report on retrievals that changed from one arm to the other, with the photos that they found or lost."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape

from influencespace.evaluation.figures import RECALLS
from influencespace.evaluation.report import Report
from influencespace.evaluation.retrieval import GAINED, LOST, crossed, crossings
from influencespace.metrics.recall import BOTH, IMAGE_TO_TEXT, TEXT_TO_IMAGE
from influencespace.pairs.views import heldout
from influencespace.ui import thumbnails
from influencespace.ui.report_parts import table
from influencespace.workspace import Workspace

DIRECTIONS = {BOTH: "mean of both", IMAGE_TO_TEXT: "photo finds caption", TEXT_TO_IMAGE: "caption finds photo"}
SHOWN = 6


def changed(workspace: Workspace, report: Report) -> Iterable[str]:
    """How many queries gained or lost their right answer, and the photos that moved furthest."""
    if not report.changed:
        yield "<p>It takes the arms full and influence to see what changed between them.</p>"
        return
    yield table(["query", "among the first", "queries", "gained", "lost"], [
        [DIRECTIONS[row["direction"]], str(row["k"]), f"{row['queries']:,}", f"{row['gained']:,}", f"{row['lost']:,}"]
        for row in crossings(report.changed).to_dict("records")
    ])
    training, pairs = workspace.artifact("training"), workspace.artifact("pairs")
    if training.record["inputs"]["pairs"] != pairs.digest:
        return
    source = pairs.table("pairs")
    test = heldout(source, "test").rows
    found = report.changed[TEXT_TO_IMAGE]
    k = RECALLS[report.results["decides"]]
    kinds = crossed(found, k)
    for kind, words in ((GAINED, "came among"), (LOST, "left")):
        rows = found[kinds == kind].head(SHOWN)
        if len(rows):
            yield f"<h3>Captions whose photo {words} the first {k}: the largest moves</h3><div class='photos'>"
            yield from (_photo(workspace, source.iloc[test[row.query]], row.before, row.after) for row in rows.itertuples())
            yield "</div>"


def _photo(workspace: Workspace, pair, before: float, after: float) -> str:
    caption = escape(pair["caption"][:200])
    content = thumbnails.jpeg(workspace, pair["image_path"], pair["photo"])
    image = f'<img src="data:image/jpeg;base64,{b64encode(content).decode()}" alt="{caption}">' if content else ""
    return f"<figure>{image}<figcaption><b>{before:g} → {after:g}</b><br>{caption}</figcaption></figure>"
