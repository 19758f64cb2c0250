"""The maths of the panel of the page Curate, its files run by themselves in a browser: counts, gains, words and drawings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import visiting
from scipy.interpolate import RegularGridInterpolator

from influencespace.curation.order import RATIO_STEPS, BrowserOrder
from influencespace.curation.preview import CAPS, RATIOS
from influencespace.ui import plan_panel

pytestmark = visiting.IN_A_BROWSER


@pytest.fixture(scope="module")
def maths(browser):
    """Evaluates an expression of the panel's pure files with an argument ``x``."""
    folder = Path(plan_panel.__file__).parent / "elements"
    scripts = "".join((folder / f"plan_panel_{name}.js").read_text(encoding="utf-8") for name in ("plan", "words", "curve"))
    page = browser.new_page()
    yield lambda expression, x: page.evaluate(f"x => {{ {scripts}; return {expression} }}", x)
    page.close()


@pytest.mark.parametrize(
    ("pairs", "free", "pruned"), [(1, 1, 0), (50, 40, 7), (4200, 4100, 60), (1_000_003, 900_001, 0), (9, 0, 3)],
)
def test_counts_and_codes_are_those_of_the_plan_at_every_step(maths, pairs, free, pruned):
    order = BrowserOrder(
        np.zeros(0, dtype=np.uint16), pairs, free, pruned, pairs - free - pruned, 0, 2, np.zeros(0), np.arange(96) / 7,
        np.arange(96) * 3,
    )
    told = {"pairs": pairs, "free": free, "pruned": pruned, "heavier": 2, "threshold": order.threshold.tolist(),
            "up_weighted": order.up_weighted.tolist()}
    found = maths("x.ratios.map(ratio => planAt(x.order, ratio, 4))", {"order": told, "ratios": RATIO_STEPS.tolist()})
    for step, ratio in enumerate(RATIO_STEPS):
        gone = pruned + order.missing(ratio)
        assert (found[step]["pruned"], found[step]["kept"], found[step]["upWeighted"]) == (gone, pairs - gone, 3 * step)
        assert found[step]["message"] == {
            "removed_code": order.removed_code(ratio), "benefit_threshold": order.threshold[step], "cap": 4,
        }
    assert maths("planAt(x, 0.2, 1).upWeighted", told) == 2


def test_gains_between_the_plans_of_the_grid_are_bilinear(maths):
    draw = np.random.default_rng(0)
    gains = draw.normal(size=(len(RATIOS), len(CAPS), 3)).astype(np.float32)
    at = np.column_stack([draw.uniform(0, 0.95, 50), draw.uniform(1, 20, 50)])
    at = np.concatenate([at, [[0, 1], [0.95, 20], [0.95, 1], [0.35, 4]]])
    found = maths(
        "x.at.map(([ratio, cap]) => gainsAt("
        "{ ...x, gains: unfold(new Float32Array(x.gains), x.ratios.length, x.caps.length, 3) }, ratio, cap))",
        {"at": at.tolist(), "ratios": RATIOS.tolist(), "caps": CAPS.tolist(), "gains": gains.ravel().tolist()},
    )
    expected = RegularGridInterpolator((RATIOS, CAPS), gains.astype(np.float64))(at)
    assert np.allclose(found, expected, atol=1e-6)


def test_gap_is_the_highest_less_the_lowest_loss(maths):
    told = {"losses": [2.0, 2.5, 1.9, 2.2], "gains": [0.1, 0.5, -0.2, 0.0], "groups": [1, 2, 3]}
    # 2.5 - 1.9 before; after, the losses are 2.0, 2.1 and 2.2.
    assert maths("narrowing(x.losses, x.gains, x.groups)", told) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("percent", "said"), [(4.12, "falls 4.1 %"), (-0.96, "rises 1.0 %"), (0.04, "stays"), (-0.04, "stays"), (0, "stays")],
)
def test_changes_are_words_with_a_sign_word(maths, percent, said):
    assert maths("changed({ percent: x })", percent) == said


def test_prediction_is_explained_in_nats_and_percent(maths):
    effect = {"what": "the overall loss", "kind": "target", "fall": 0.08, "now": 2.0, "percent": 4.0, "verdict": "verified"}
    assert maths("explained(x)", effect) == (
        "Predicted: the overall loss goes from 2.000 to 1.920 nats (−0.080 nats, −4.0 % of the present loss). "
        "Removal effects of single clusters: verified."
    )


@pytest.mark.parametrize(("low", "high", "most"), [(-1, 3, 4), (0, 0.1, 4), (-0.003, 0.002, 3), (0, 26, 5), (-170, 12, 4)])
def test_ticks_are_round_few_and_inside(maths, low, high, most):
    found = maths("ticks(x[0], x[1], x[2])", [low, high, most])
    assert 1 <= len(found) <= most + 1
    assert min(found) >= low - 1e-9 and max(found) <= high + 1e-9
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    assert float(f"{steps[0]:.1e}".split("e")[0]) in (1.0, 2.0, 5.0)
    assert low > 0 or min(abs(np.array(found))) < 1e-9


def test_drawing_has_a_line_a_dot_and_a_diamond_for_what_it_is_told(maths):
    told = {"lines": [{"className": "target", "points": [[0, 0], [0.2, 2.5], [0.5, -1]]}],
            "checks": [{"className": "target", "label": "overall", "ratio": 0.5, "percent": -0.5, "cap": 4}],
            "ratio": 0.2, "width": 400, "height": 140}
    drawn = maths("tradeoff(x).outerHTML", told)
    assert [drawn.count(f'class="{part} target"') for part in ("line", "dot", "check")] == [1, 1, 1]
    assert "overall, retrained at 50 % with cap 4 ×: +0.5 %" in drawn
    assert "NaN" not in drawn
    empty = json.dumps(maths("arms({ points: [], ratio: 0, width: 300, height: 50 }).outerHTML", None))
    assert "NaN" not in empty
