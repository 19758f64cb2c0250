"""Two versions of curation beside each other: pairs, clusters, and the predicted and the measured effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.curation.comparing import Comparison, Side, compare_versions
from influencespace.curation.history import Version
from influencespace.spreadsheets import harmless_table
from influencespace.ui import background, plan_panel, wording
from influencespace.ui.markdown import escaped
from influencespace.workspace import NEEDS, Workspace

LISTED = 500
ARM = "influence"


def title(version: Version) -> str:
    """What a version is called: its name, or its number."""
    return f"Version {version.id}" if version.name is None else f"{version.name} (version {version.id})"


def show(workspace: Workspace, one: Version, other: Version) -> None:
    """Compare two versions as they come out of what there is now."""
    with st.spinner("Making both plans"):
        digests = [made.digest if (made := workspace.find(name)) else None for name in (*NEEDS["plan"], "effects", "training")]
        # In a thread of its own: what is being compared may be a million pairs.
        key = f"compare-{workspace.path}-{one.id}-{other.id}-{digests}"
        found = background.start(key, lambda progress: compare_versions(workspace, one, other)).future.result()
    draw(found, {} if found.a.gains is None else workspace.artifact("effects").facts["losses"])


def draw(found: Comparison, losses: dict[str, float]) -> None:
    """Draw a comparison; ``losses`` by target, on all pairs, where something is predicted."""
    st.markdown(f"**{escaped(title(found.a.version))}** beside **{escaped(title(found.b.version))}**: {sentence(found)}")
    st.dataframe(
        figures(found, losses), hide_index=True, height="content", key="compared_figures",
        alt="Counts, values, predicted and measured effects of both versions",
    )
    st.markdown("**Clusters that are treated otherwise**")
    if found.clusters.empty:
        st.caption("None: every cluster has the same disposition in both.")
        return
    st.dataframe(
        harmless_table(clusters(found)), hide_index=True, height=260, key="compared_clusters",
        alt="Clusters whose disposition differs between both versions",
        column_config={
            "Cluster": st.column_config.TextColumn(width="medium"),
            "Pairs": st.column_config.NumberColumn(format="localized", width=70),
        },
    )
    if len(found.clusters) > LISTED:
        st.caption(f"The first {LISTED:,} of {len(found.clusters):,} such clusters.")


def sentence(found: Comparison) -> str:
    """How many pairs they treat otherwise."""
    if not len(found.only_a) and not len(found.only_b) and not len(found.reweighted):
        return "both treat every pair alike."
    return (
        f"both keep {found.both:,} of {found.pairs:,} pairs; only the first keeps {len(found.only_a):,}, only the second "
        f"{len(found.only_b):,}; {len(found.reweighted):,} have another weight."
    )


def figures(found: Comparison, losses: dict[str, float]) -> pd.DataFrame:
    """One row a figure, a column each version, as text."""
    sides = (found.a, found.b)
    rows = [("Step", *(side.version.what for side in sides))]
    for name, (label, *_) in plan_panel.SLIDERS.items():
        rows.append((label, *(plan_panel.valued(name, getattr(side.version.options, name)) for side in sides)))
    rows.append(("Your decisions", *(f"{_decisions(side):,}" for side in sides)))
    for label, part in (("Pairs kept", "kept"), ("Pairs pruned", "removed"), ("Pairs up-weighted", "up_weighted")):
        rows.append((label, *(f"{getattr(side, part):,}" for side in sides)))
    for name, loss in losses.items():
        rows.append((f"Predicted loss, {wording.target(name)}", *(_change(loss, loss - side.gains[name]) for side in sides)))
    for name, gap in (found.gaps or {}).items():
        rows.append((f"Predicted gap by {name}", *(_change(gap, side.gaps[name]) for side in sides)))
    rows.append(("Measured recall, influence − full", *(_measured(side) for side in sides)))
    return pd.DataFrame(rows, columns=["", title(found.a.version), title(found.b.version)])


def clusters(found: Comparison) -> pd.DataFrame:
    """The clusters that are treated otherwise, with what becomes of each."""
    rows = found.clusters.head(LISTED)
    sides = {title(found.a.version): "a", title(found.b.version): "b"}
    return pd.DataFrame({"Cluster": rows["name"].map(wording.cluster), "Pairs": rows["pairs"]} | {
        name: _treatment(rows[f"disposition_{side}"], rows[f"kept_{side}"], rows[f"weight_{side}"])
        for name, side in sides.items()
    })


def _treatment(disposition: pd.Series, kept: pd.Series, weight: pd.Series) -> np.ndarray:
    said = [f"{d}: {k:,} at {w:.2f} ×" if k else d for d, k, w in zip(disposition, kept, weight, strict=True)]
    return np.array(said, dtype=object)


def _decisions(side: Side) -> int:
    return sum(len(level) for level in side.version.decisions.values())


def _change(before: float, after: float) -> str:
    percent = f" ({100 * (after - before) / before:+.1f} %)" if before > 0 else ""
    return f"{before:.3f} → {after:.3f} nats{percent}".replace("-", "−")


def _measured(side: Side) -> str:
    found = None if side.measured is None else side.measured.differences.get(ARM)
    if found is None or found["mean"] is None:
        return "not trained"
    return f"{found['mean']:+.1f} [{found['low']:+.1f}, {found['high']:+.1f}] points of {side.measured.metric}".replace("-", "−")
