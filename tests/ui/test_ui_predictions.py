"""Removal effects, their check by retraining and the preview of plans, on the pages and by themselves."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fabricated import TARGETS, fabricate
from page_cases import fine, words

import influencespace
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.preview import RATIOS, Response
from influencespace.ui import effect_charts, prediction
from influencespace.ui.prediction import Preview

PREDICT = "Predict what removing would do"


def _numbers(values) -> np.ndarray:
    """Numbers of a chart, which travel as typed arrays or as lists."""
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]) if isinstance(values, dict) else np.array(values)


def _charts(page) -> dict[str, list[dict]]:
    """The traces of each chart by its key."""
    charts = page.get("plotly_chart")
    return {chart.proto.id.rsplit("-", 1)[-1]: json.loads(chart.proto.spec)["data"] for chart in charts}


def _press(page, label: str) -> None:
    next(button for button in page.button if button.label == label).click().run()


def _along_ratio(page, name: str) -> dict[int, float]:
    """The line of that name on the curate page: gain by percent."""
    line = next(trace for trace in _charts(page)["curate_tradeoff"] if trace.get("name") == name)
    return dict(zip(np.round(_numbers(line["x"])).astype(int).tolist(), _numbers(line["y"]).tolist(), strict=True))


@pytest.mark.parametrize("page", ["curate"])
def test_what_is_not_predicted_can_be(app, tmp_path, page):
    fabricate(tmp_path / "demo", upto="plan")
    opened = fine(app(page))
    assert "The predictions are not there yet." in words(opened)
    _press(opened, PREDICT)
    assert app.submitted == [("demo", [("effects", {})])]


def test_curve_follows_cap_ratio_and_decisions(app, workspace):
    opened = app("curate")
    opened.slider(key="curate_cap").set_value(1.0).run()
    # At weight 1, with r of 60 pairs gone from the 30 that harm, helpful clusters have 30 - (30 - r) pairs more of 60 - r.
    overall = _along_ratio(fine(opened), "overall")
    assert [overall[percent] for percent in (0, 20, 50)] == pytest.approx([0, 0.5 * 12 / 48, 0.5], abs=1e-6)
    assert _along_ratio(opened, "gender=woman")[20] == pytest.approx(0.6 * 12 / 48)
    assert _along_ratio(opened, "gap: gender")[20] == pytest.approx(0.2 * 12 / 48)
    assert "At 20 % the overall loss falls by 0.125 from 2.000" in words(opened)
    assert "single clusters: verified" in words(opened)
    opened.slider(key="curate_reduction").set_value(0.33).run()
    assert _along_ratio(fine(opened), "overall")[33] == pytest.approx(0.5 * 20 / 40)
    workspace.decide({"clusters": {"0.1": "prune"}})
    opened.slider(key="curate_reduction").set_value(0.2).run()
    assert _along_ratio(fine(opened), "overall")[20] == pytest.approx(0.5 * (20 - 28) / 48)
    assert "At 20 % the overall loss rises by 0.083" in words(opened)


def test_decision_about_clusters_of_before_is_complained_of_once(app, workspace):
    workspace.decide({"clusters": {"9.9": "prune"}})
    opened = app("curate")
    assert not opened.exception
    assert [error.value[:40] for error in opened.error] == ["There is a decision about '9.9' among the"[:40]]
    assert "There is no prediction" in words(opened)


def test_retrained_plans_stand_beside_the_curve_and_say_which_they_are(app, workspace):
    opened = fine(app("curate"))
    retrained = [trace for trace in _charts(opened)["curate_tradeoff"] if trace["mode"] == "markers"]
    assert [list(_numbers(trace["x"])) for trace in retrained] == [[15, 30]] * 3
    assert all("up-weight cap %{customdata:g}" in trace["hovertemplate"] for trace in retrained)
    assert list(_numbers(retrained[0]["customdata"])) == [2, 2]


def test_moves_of_a_slider_read_nothing_again(app, workspace, monkeypatch):
    reads = []
    monkeypatch.setattr(prediction, "PlanInputs", SimpleNamespace(read=lambda place: reads.append("i") or PlanInputs.read(place)))
    monkeypatch.setattr(prediction, "Response", SimpleNamespace(read=lambda made: reads.append("r") or Response.read(made)))
    opened = app("curate")
    for cap in (2.0, 3.0, 5.0):
        opened.slider(key="curate_cap").set_value(cap).run()
        opened.slider(key="curate_fairness").set_value(cap / 5).run()
    assert sorted(reads) == ["i", "r"]


def test_a_thousand_clusters_are_predicted_as_by_a_slow_loop(monkeypatch):
    draw, count, pairs, size = np.random.default_rng(0), 1000, 3000, 3
    member = np.concatenate([np.arange(count), draw.integers(0, count, pairs - count)])
    labels = np.array([f"{c:04d}.0" for c in member], dtype=object)
    targets = [{"name": name, "attribute": None, "loss": 2.0, "loss_error": 0.1} for name in ("overall", "other")]
    inputs = PlanInputs(
        np.array([f"p{i}" for i in range(pairs)], dtype=object), Members.of(labels, member), draw.normal(size=(pairs, 2)),
        draw.normal(size=pairs), np.arange(pairs), targets,
    )
    factor = draw.normal(size=(count, size, size)).astype(np.float32)
    response = Response(
        draw.normal(size=(count, size)).astype(np.float32), factor @ factor.swapaxes(1, 2),
        draw.normal(size=size).astype(np.float32), np.eye(size, dtype=np.float32),
        draw.normal(size=(2, size)).astype(np.float32), (factor @ factor.swapaxes(1, 2))[:2],
        np.zeros((0, count), dtype=np.float32), np.zeros((0, 2), dtype=np.float32),
    )
    monkeypatch.setattr(prediction, "_inputs", lambda *key: inputs)
    monkeypatch.setattr(prediction, "_response", lambda *key: response)
    decisions = {"clusters": {"0003.0": "prune", "0005.0": "up-weight"}, "pairs": {"p7": 2.5}}
    place = SimpleNamespace(path="", find=lambda name: None, decisions=lambda: decisions)
    losses = {"overall": 2.0, "other": 1.0}
    made = SimpleNamespace(folder="", digest="", facts={"targets": list(losses), "losses": losses})
    options = PlanOptions(reduction=0.23, cap=3.0)
    found = prediction.along(place, made, options)
    assert list(found.ratios) == sorted([*RATIOS, 0.23])
    for t in range(0, len(found.ratios), 4):
        plan = inputs.plan(inputs.decided(decisions), dataclasses.replace(options, reduction=found.ratios[t]))
        slope, bend = np.zeros(size), np.zeros((size, size))
        for weight, cluster in zip(plan.weights / plan.weights.sum(dtype=float), member, strict=True):
            slope += weight * response.gradients[cluster]
            bend += weight * response.curvature[cluster]
        step = np.linalg.solve(bend + response.ridge, -(slope + response.pull))
        for q, name in enumerate(("overall", "other")):
            rise = response.target_gradients[q] @ step + 0.5 * step @ response.target_curvature[q] @ step
            assert found.gains[name][t] == pytest.approx(-rise, rel=1e-3)


def test_gap_narrows_by_what_the_losses_come_nearer():
    targets = [{"name": name, "attribute": name.partition("=")[0] if "=" in name else None}
               for name in ("overall", "g=a", "g=b", "h=1", "h=2", "h=3")]
    losses = {"overall": 1.0, "g=a": 2.0, "g=b": 1.5, "h=1": 1.0, "h=2": 1.0, "h=3": 1.0}
    gains = {name: np.zeros(3) for name in losses} | {"g=a": np.array([0.0, 0.3, 0.7]), "g=b": np.array([0.1, 0.0, 0.0])}
    found = prediction.narrowing(losses, gains, targets)
    assert list(found) == ["g"]
    assert found["g"] == pytest.approx([-0.1, 0.3, 0.3])  # the last one has turned over, to 0.2


def test_present_ratio_is_marked_on_every_line():
    preview = Preview(np.array([0.0, 0.1, 0.2]), dict.fromkeys(TARGETS, np.zeros(3)), {"gender": np.ones(3)})
    figure = effect_charts.tradeoff(preview, 0.1, None)
    assert [trace.name for trace in figure.data] == [*TARGETS, "gap: gender"]
    assert all(np.flatnonzero(trace.marker.size).tolist() == [1] for trace in figure.data)
    assert 10 in [shape.x0 for shape in figure.layout.shapes]


def test_pages_predict_without_torch():
    code = "import sys; import influencespace.ui.effect_panels; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(influencespace.__file__).parents[1], check=False).returncode == 0
