"""Charts of clusters, the places of their labels, and the sentences above them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from influencespace.influence.fairness import Gap
from influencespace.ui import chart_labels, colours, effect_charts, influence_charts
from influencespace.ui.influence_rows import (
    Subject,
    at_odds,
    both_ends,
    counts,
    drivers,
    how,
    more_than_share,
    spoken,
    standing,
    subjects,
)

OVERALL = Subject("overall", 10)


def view(**columns) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    plain = {
        "label": [f"{i}.0" for i in range(count)], "name": [f"name {i}" for i in range(count)], "value": np.zeros(count),
        "error": np.full(count, 0.1), "beyond": np.ones(count, bool), "data": np.full(count, 100 / count),
        "benefit": np.full(count, 100 / count), "repeated": np.zeros(count), "likeness": np.zeros(count),
    }
    return pd.DataFrame(plain | columns)


# -- Charts.


def test_intervals_are_95_percent_and_coloured_by_sign_with_a_ring_within_chance():
    rows = view(value=[0.2, -0.1, 0.05], error=[0.01, np.nan, 0.3], beyond=[True, True, False])
    trace = influence_charts.ranked(rows, axis="score", words=("helps", "harms")).data[0]
    assert list(trace.error_x.array) == pytest.approx([0.0196, 0, 0.588])
    assert list(trace.marker.color) == [colours.HELPS, colours.HARMS, colours.HELPS]
    assert list(trace.marker.symbol) == ["circle", "circle", "circle-open"]
    assert list(trace.customdata) == [0, 1, 2]


def test_points_know_their_rows_however_they_are_ordered():
    rows = view(value=[0.2, -0.1, 0.05]).iloc[[2, 0, 1]]
    figure = influence_charts.ranked(rows, axis="score", words=("helps", "harms"), chosen="0.0")
    assert list(figure.data[0].customdata) == [2, 0, 1]
    [band] = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (band.y0, band.y1) == (0.5, 1.5)


def test_under_represented_stand_out_above_the_diagonal_by_name():
    rows = view(data=[10.0, 85.0, 5.0], benefit=[60.0, 30.0, 10.0], beyond=[True, True, False])
    figure = influence_charts.shares(rows, chosen="1.0", theme="light")
    more, less, ring = figure.data
    assert (list(more.x), list(more.y), list(more.customdata)) == ([10.0, 5.0], [60.0, 10.0], [0, 2])
    assert (list(less.x), list(ring.x), list(ring.y)) == ([85.0], [85.0], [30.0])
    [line] = figure.layout.shapes
    assert (line.x0, line.x1) == (line.y0, line.y1)
    # What lies above it by chance bears no name.
    assert [note.text for note in figure.layout.annotations] == ["name 0"]


def test_names_of_thousands_do_not_travel():
    draw = np.random.default_rng(0)
    rows = view(data=draw.random(5000), benefit=draw.random(5000), value=draw.normal(size=5000), likeness=draw.random(5000))
    for figure in (influence_charts.shares(rows, theme="dark"), influence_charts.redundancy(rows, theme="dark")):
        assert len(figure.to_json()) < 5000 * 30
        assert all(trace.text is None for trace in figure.data)
        assert len(figure.layout.annotations) <= influence_charts.LABELLED


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_redundancy_is_coloured_by_influence_centred_on_zero(theme):
    rows = view(value=[1.0, -3.0, 0.0], repeated=[10.0, 0.0, 5.0], likeness=[0.5, 0.1, np.nan])
    points = influence_charts.redundancy(rows, theme=theme).data[0]
    assert list(points.customdata) == [0, 1]  # a likeness that is not known has no place
    assert points.marker.cmin == -points.marker.cmax
    assert (points.marker.colorscale[0][1], points.marker.colorscale[-1][1]) == (colours.HARMS, colours.HELPS)


def test_heat_map_is_centred_measures_each_column_by_itself_and_pales_what_is_chance():
    values, beyond = np.array([[-1.0, 0.001], [1.0, -0.001]]), np.array([[True, False], [True, True]])
    heat, points = influence_charts.heat(values, beyond, ["overall", "g"], view(value=[0, 0]), theme="light").data
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert np.asarray(heat.z) == pytest.approx(np.array([[-1, influence_charts.PALE], [1, -1]]))
    assert heat.text.tolist() == [["−", ""], ["+", "−"]]
    assert list(zip(points.x, points.y, strict=True)) == [("overall", 0), ("g", 0), ("overall", 1), ("g", 1)]
    assert list(points.customdata) == [0, 0, 1, 1]
    assert list(points.text) == ["-1.00", "+0.00", "+1.00", "-0.00"]


def test_long_names_are_cut_and_stay_different():
    assert influence_charts.short(pd.Series(["a" * 60, "a" * 61, "b"]), 10) == ["a" * 9 + "…", "a" * 9 + "… (2)", "b"]


def test_names_of_clusters_keep_what_sets_them_apart():
    names = [f"{'long ' * 9}topic: captions that fit badly", "dog, cat: captions by fit, 2 of 7 (1 is worst)"]
    badly, second = influence_charts.short(names, 36)
    assert badly.endswith("… · fit badly")
    assert len(badly) == 36
    assert second == "dog, cat · fit, 2 of 7 (1 is worst)"


def test_check_has_a_line_of_equality_through_all_points():
    rows = pd.DataFrame({"cluster": ["0.0", "9.9"], "predicted": [0.1, -0.3], "first_order": [0.05, -0.1], "actual": [0.2, -0.4]})
    figure = effect_charts.check(rows, {"0.0": "dogs"})
    [line] = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == pytest.approx((-0.4, -0.4, 0.2, 0.2))
    first, effect = figure.data
    assert first.marker.symbol == "circle-open"
    assert list(effect.text) == ["dogs", "9.9"]


# -- Labels.


def boxes(x, y, which, names, found, width, height):
    """The labels that have a place: left, lower, right and upper ends, at a width."""
    out = []
    for point, name, place in zip(which, names, found, strict=True):
        if place is not None:
            long = chart_labels.LETTER * len(name)
            left = width * x[point] + (place.right if place.right > 0 else place.right - long)
            middle = height * y[point] + place.up
            out.append((left, middle - chart_labels.LINE / 2, left + long, middle + chart_labels.LINE / 2))
    return out


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@given(arrays(float, (12, 2), elements=st.floats(0, 1)), st.sampled_from(chart_labels.WIDTHS))
def test_no_label_covers_a_label_or_a_point_or_leaves_the_plot_at_any_width(points, width):
    x, y = points.T
    which, names, height = np.arange(0, 12, 2), ["dog, frisbee", "a", "boat, harbour, sea", "", "street · fit badly", "x, y"], 350
    found = chart_labels.arrange(x, y, which, names, height)
    placed = boxes(x, y, which, names, found, width, height)
    named = [point for point, place in zip(which, found, strict=True) if place is not None]
    half = chart_labels.POINT / 2
    for i, one in enumerate(placed):
        assert one[0] >= 0 and one[1] >= 0 and one[2] <= width and one[3] <= height
        assert not any(meet(one, other) for other in placed[:i] if other[2] > other[0])
        for point in set(range(12)) - {named[i]}:
            px, py = width * x[point], height * y[point]
            assert not meet(one, (px - half, py - half, px + half, py + half))


def test_point_alone_has_its_name_beside_it_and_one_at_the_right_edge_to_its_left():
    places = chart_labels.arrange(np.array([0.5]), np.array([0.5]), np.array([0]), ["dog"], 300)
    assert places == [chart_labels.Place(11, 0)]
    [place] = chart_labels.arrange(np.array([0.99]), np.array([0.5]), np.array([0]), ["dog"], 300)
    assert place.right < 0


def test_where_there_is_no_room_there_is_no_name():
    x = np.tile(np.linspace(0, 1, 60), 40)
    y = np.repeat(np.linspace(0, 1, 40), 60)
    assert chart_labels.arrange(x, y, np.array([1200]), ["dog, frisbee, grass"], 300) == [None]


# -- Sentences and figures.


@pytest.mark.parametrize(("value", "beyond", "sentence"), [
    ([1, -1, -1, 1], [True, True, True, False], "2 of 4 clusters harm the overall loss, 1 helps; 1 within chance"),
    ([1, -1], [True, True], "1 of 2 clusters harms the overall loss, 1 helps"),
    ([1], [False], "None of 1 cluster harms the overall loss, none helps; 1 within chance"),
])
def test_title_counts_what_lies_beyond_chance(value, beyond, sentence):
    assert counts(view(value=np.array(value, float), beyond=np.array(beyond)), OVERALL, "cluster") == sentence


def test_title_of_shares_adds_up_who_gives_more_than_their_share():
    rows = view(data=[10.0, 60.0, 30.0], benefit=[50.0, 0.0, 50.0])
    assert more_than_share(rows, "topic") == "2 of 3 topics give more than their share: 40 % of the pairs, 100 % of the benefit"
    assert more_than_share(view(benefit=[0.0, 0.0]), "topic") == "None of 2 topics helps"


def test_at_odds_are_those_that_help_one_group_and_harm_another_of_the_same_attribute():
    means = {"g=a": [1, 1, 1, 1], "g=b": [-1, 1, -0.001, 1], "h=1": [1, -1, 1, 1], "h=2": [1, -1, 1, -1]}
    rows = pd.DataFrame({f"{name}.mean": np.array(values, float) for name, values in means.items()}).assign(
        **{f"{name}.error": 0.01 for name in means}
    )
    found = [OVERALL, *(Subject(name, 5) for name in means)]
    assert at_odds(rows, found, "topic") == "2 of 4 topics help one group and harm another beyond chance"
    assert at_odds(rows.iloc[[1, 2]], found, "topic") == "None of 2 topics helps one group and harms another beyond chance"


@pytest.mark.parametrize(("value", "words"), [(100.0, "100.0"), (12.34, "12.3"), (4.25, "4.2"), (0.0313, "0.031"), (0.0, "0")])
def test_small_and_large_numbers_are_spoken_alike(value, words):
    assert spoken(value) == words


def test_standing_is_in_units_of_the_mean_and_shares_are_of_what_helps():
    rows = pd.DataFrame({
        "topic": [0, 1, 2], "name": ["a", None, "c"], "pairs": [1, 2, 3], "share_pairs": [0.2, 0.3, 0.5],
        "overall": [3.0, -1.0, 1.0], "overall.mean": [3.0, -1.0, 2.0], "overall.error": [0.2, np.nan, 5.0],
        "repeated": 0.5, "likeness": 0.1,
    })
    found = standing(rows, OVERALL, "topic")
    assert found["value"].tolist() == [1.5, -0.5, 1.0]
    assert found["beyond"].tolist() == [True, False, False]
    assert found["benefit"].tolist() == [75, 0, 25]
    assert found["name"].tolist() == ["a", "1", "c"]
    assert found["data"].tolist() == [20, 30, 50]


def test_subjects_are_the_targets_and_then_the_gaps():
    targets = [
        {"name": name, "attribute": attribute, "loss": loss, "loss_error": 0.1, "photos": photos}
        for name, attribute, loss, photos in (("overall", None, 2, 30), ("g=a", "g", 1, 10), ("g=b", "g", 3, 20))
    ]
    found = subjects(targets)
    expected = [("overall", 30), ("g: a", 10), ("g: b", 20), ("gap in g", 30)]
    assert [(subject.label, subject.photos) for subject in found] == expected
    assert found[-1].phrase == "the gap in g"
    assert (found[-1].verb(0.1), found[-1].verb(-0.1), found[0].verb(-0.1)) == ("narrows", "widens", "harms")


@pytest.mark.parametrize(("behind", "ahead", "words"), [
    (-1.0, -3.0, ", by harming g: a more than g: b"), (1.0, 3.0, ", by helping g: a more than g: b"), (1.0, -1.0, ""),
    (3.0, 1.0, ""), (-3.0, -1.0, ""),
])
def test_a_gap_that_narrows_though_nobody_is_helped_says_so(behind, ahead, words):
    row = pd.Series({"g=b.mean": behind, "g=a.mean": ahead})
    assert how(row, Subject("gap.g", 2, Gap("g", "g=b", "g=a", 0.3, 0.1))) == words
    assert how(row, Subject("g=a", 2)) == ""


def test_a_gap_of_pairs_is_the_difference_between_its_groups():
    columns = {"influence.g=a": np.array([1.0, 2.0]), "influence.g=b": np.array([5.0, 1.0])}
    pairs = type("Pairs", (), {"numbers": staticmethod(columns.__getitem__)})
    gap = Subject("gap.g", 2, Gap("g", "g=b", "g=a", 0.3, 0.1))
    assert gap.of_pairs(pairs).tolist() == [4, -1]
    assert Subject("g=a", 2).of_pairs(pairs) is columns["influence.g=a"]


@given(arrays(float, st.integers(0, 40), elements=st.floats(-5, 5)), st.sampled_from([2, 6, 20]))
def test_both_ends_are_the_highest_and_the_lowest_in_order(values, count):
    found = both_ends(values, count)
    assert len(found) == min(len(values), count)
    assert len(set(found.tolist())) == len(found)
    assert (np.diff(values[found]) <= 0).all()
    if len(values) > count:
        assert sorted(values[found]) == sorted([*np.sort(values)[: count // 2], *np.sort(values)[-(count // 2) :]])


@given(st.integers(0, 30), st.integers(1, 8))
def test_drivers_are_the_best_and_the_worst_and_never_the_same_pair(count, wanted):
    influence = np.random.default_rng(count).normal(size=50)
    members = np.random.default_rng(wanted).permutation(50)[:count]
    best, worst = drivers(influence, members, wanted)
    assert not set(best.tolist()) & set(worst.tolist())
    assert len(best) == (min(wanted, count // 2) if count > 1 else count)
    ordered = np.sort(influence[members])
    assert influence[best].tolist() == ordered[::-1][: len(best)].tolist()
    assert influence[worst].tolist() == ordered[: len(worst)].tolist()
