"""The report on trained arms: one file that needs nothing else, its drawings, and the CSV beside it."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest

from influencespace.errors import ExportError
from influencespace.ui import report, svg


class Document(HTMLParser):
    """What an HTML file asks for from outside of itself, and whether every element is closed."""

    VOID = ("meta", "img", "br", "line", "circle")

    def __init__(self, text):
        super().__init__()
        self.outside, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.outside += [value for name, value in attrs if name in ("src", "href") and not value.startswith("data:")]
        self.outside += [tag] if tag in ("script", "link", "iframe", "object") else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_report_is_one_file_that_needs_nothing_else(workspace):
    text = report.html(workspace)
    found = Document(text)
    assert (found.outside, found.open) == ([], [])
    assert "@import" not in text and "url(" not in text
    assert len(text) < 5_000_000
    said = " ".join(found.words)
    for part in ("Trained on 20.0 % fewer pairs", "Ranks, skew, classes, robustness and cost", "random order comes to 0.120",
                 "Zero-shot classification was not measured", "The four metrics", "Paired differences", "Gaps between groups",
                 "Predicted against actual", "How to read this", "What it was made from", "came among the first 10"):
        assert part in said
    assert workspace.artifact("plan").digest[:12] in said
    # A caption is words, never markup.
    assert "<b>dog</b>" not in text


def test_the_report_of_an_earlier_plan_says_so(workspace):
    assert "of an earlier plan" not in report.html(workspace)
    workspace.decide({"topics": {"0": "prune"}})
    assert "of an earlier plan" in report.html(workspace)


def test_report_and_csv_are_written_and_replace_nothing_unless_told(workspace, tmp_path):
    html, csv = tmp_path / "out" / "report.html", tmp_path / "out" / "figures.csv"
    assert report.write_report(workspace, str(html), str(csv)) == [html, csv]
    table = pd.read_csv(csv)
    recall = table[(table["section"] == "recall") & (table["arm"] == "influence") & (table["direction"] == "both")]
    assert list(recall["metric"]) == ["R@1", "R@5", "R@10"]
    assert list(recall["mean"]) == [40.0] * 3
    with pytest.raises(ExportError, match=r"exists.*--overwrite"):
        report.write_report(workspace, "", str(csv))
    assert report.write_report(workspace, "", str(csv), overwrite=True) == [csv]
    with pytest.raises(ExportError, match="cannot be written"):
        report.write_report(workspace, str(csv / "below.html"))


def test_dots_stand_where_their_figures_are():
    rows = [("a", {"mean": 2.0, "low": 1.0, "high": 4.0}, "#000000"), ("b", {"mean": None, "low": None, "high": None}, "#000000"),
            ("c & d", {"mean": 0.0, "low": None, "high": None}, "#ffffff")]
    text = svg.dots(rows, "Title", "axis")
    assert text.count("<circle") == 2
    assert "c &amp; d" in text
    # The axis goes from 0 to 4 in round steps.
    ends = svg.LABEL, svg.LABEL + svg.WIDTH
    assert f'cx="{ends[0] + (ends[1] - ends[0]) / 2:.1f}"' in text
    assert f'cx="{ends[0]:.1f}"' in text


@pytest.mark.parametrize("values", [[5.0], [], [1e-7, 2e-7], [-3.2, 81.0]])
def test_ticks_are_round_and_hold_all_values(values):
    scale = svg._Scale(values, 0, 100)
    assert 2 <= len(scale.ticks) <= 8
    assert all(scale.low <= value <= scale.high for value in values)
