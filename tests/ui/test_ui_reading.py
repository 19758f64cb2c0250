"""Tables that visitors share."""

from __future__ import annotations

from fabricated import fabricate

from influencespace.ui import reading


def test_what_one_visitor_writes_into_a_table_no_other_sees(tmp_path):
    clusters = fabricate(tmp_path / "demo").artifact("clusters")
    own, before = reading.table(clusters, "clusters"), clusters.table("clusters")
    own["pairs"] = 0
    own.loc[0, "name"] = "mine"
    own["more"] = 1
    assert reading.table(clusters, "clusters").equals(before)
