import re

import pytest
from evaluation_cases import measured

from influencespace.evaluation.compare import compare
from influencespace.evaluation.proposal import proposal_table


@pytest.fixture(scope="module")
def results():
    return compare(measured(), draws=200)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def table(results):
    """Method -> column -> cell."""
    lines = [line for line in proposal_table(results).splitlines() if line.startswith("|")]
    head, rule, *rows = map(cells, lines)
    assert set("".join(rule)) == {"-"} and len({len(line) for line in lines}) == 1
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_columns_are_the_proposals_with_a_gap_for_each_attribute(results):
    assert list(table(results)["full"]) == [
        "method", "Recall@1", "Recall@5", "Recall@10", "data reduction", "relative training time", "with scoring",
        "gap in R@10, gender_words", "gap in R@10, place",
    ]
    assert list(table(results)) == ["influence", "random", "full", "start"]


def test_its_figures_are_those_of_the_comparison(results):
    for arm in results["arms"]:
        row = table(results)[arm["arm"]]
        for k in (1, 5, 10):
            figure = arm["recall"][f"R@{k}"]["both"]
            assert row[f"Recall@{k}"] == f"{figure['mean']:.1f} [{figure['low']:.1f}, {figure['high']:.1f}]"
        gap = arm["gaps"]["gender_words"]["gap"]
        assert row["gap in R@10, gender_words"] == f"{gap['mean']:.1f} [{gap['low']:.1f}, {gap['high']:.1f}]"
        assert row["gap in R@10, place"] == "-"
    assert table(results)["influence"]["data reduction"] == "20.0 %"
    assert table(results)["full"]["data reduction"] == "0.0 %"


def test_relative_time_is_that_of_the_arm_over_that_of_full(results):
    rows, seconds = table(results), {arm["arm"]: arm["seconds"] for arm in results["arms"]}
    for arm in ("influence", "random", "full"):
        for column, part in (("relative training time", "training"), ("with scoring", "total")):
            shown, low, high = (float(x) for x in re.findall(r"[\d.]+", rows[arm][column]))
            assert shown == pytest.approx(seconds[arm][part] / seconds["full"][part], abs=0.005)
            assert low <= shown <= high
    assert float(rows["influence"]["with scoring"].split()[0]) > 2


def test_what_trains_nothing_has_no_time_and_no_reduction(results):
    row = table(results)["start"]
    assert row["data reduction"] == row["relative training time"] == row["with scoring"] == "-"


@pytest.mark.parametrize(("low", "high", "told"), [
    (0.5, 2.0, "surely above"), (-9.0, -3.0, "surely below"), (-1.0, 1.0, "not surely another (not worse)"),
    (-9.0, 9.0, "not surely another (undecided)"),
])
def test_differences_say_whether_they_are_sure(low, high, told):
    results = compare(measured(("influence", "full")), draws=20)
    entry = next(e for e in results["differences"] if e["metric"] == "R@10" and e["against"] == "full")
    entry |= {"mean": (low + high) / 2, "low": low, "high": high}
    line = f"- influence against full: {(low + high) / 2:+.1f} [{low:+.1f}, {high:+.1f}] points in R@10, {told}"
    assert line in proposal_table(results).splitlines()


def test_what_is_missing_is_said_with_the_reason(results):
    gap, arm = proposal_table(results).splitlines()[-2:]
    assert gap.startswith("- place has no gap: ")
    assert arm == "- clip-score is missing: image and text features are not aligned."


def test_without_full_there_is_no_relative_time():
    rows = table(compare(measured(("influence", "random")), draws=200))
    assert {rows[arm]["relative training time"] for arm in rows} == {"-"}
