"""Visitors of one app: what one has not saved no other sees, and nobody undoes what another decides at the same time."""

from __future__ import annotations

from page_cases import fine, sent_to, words

from influencespace.curation.history import History
from influencespace.ui import decision_panels
from influencespace.ui.selection import Choice

KINDS = ("text_input", "selectbox", "multiselect", "button_group", "number_input", "checkbox", "toggle", "radio")


def portrait(page) -> dict:
    """Everything that a visitor sees, and the values of all that can be typed into or chosen from."""
    typed = [(kind, element.key, str(element.value)) for kind in KINDS for element in page.get(kind)]
    tables = [element.value.to_csv() for element in page.dataframe]
    sent = [element.proto.json for element in page.get("bidi_component")]
    return {"words": words(page), "typed": typed, "tables": tables, "sent": sent, "buttons": [b.disabled for b in page.button]}


def choose(page, workspace, choice: Choice):
    """Have something selected, as by a click on the map."""
    page.session_state["selection"] = {"workspace": str(workspace.path), "choices": [choice]}
    return fine(page.run())


def decisions(workspace) -> dict:
    return History(workspace).head().decisions


def test_searching_and_choosing_on_the_map_of_one_shows_nothing_to_another(app, workspace):
    own, other = fine(app("clusters")), fine(app("clusters"))
    before = portrait(fine(other.run()))
    own.text_input(key="clusters_query").set_value("dog")
    fine(own.run())
    own.button_group(key="list_level").set_value("cluster")
    fine(own.run())
    own.button_group(key="clusters_colour").set_value("Fit")
    fine(own.run())
    choose(own, workspace, Choice("cluster", "1.0"))
    assert portrait(own)["words"] != before["words"]
    assert portrait(fine(other.run())) == before
    assert portrait(fine(app("clusters")))["words"] == before["words"]


def test_sliders_filters_and_names_that_are_not_saved_show_to_no_other(app, workspace):
    own, other = fine(app("curate")), fine(app("curate"))
    before = portrait(fine(other.run()))
    own.text_input(key="curate_table_find").set_value("dog")
    own.multiselect(key="curate_table_only").set_value(["prune"])
    own.selectbox(key="curate_table_order").set_value("Largest first")
    choose(own, workspace, Choice("topic", "1"))
    own.number_input(key="triage_number").set_value(7.0)
    own.button(key="history_open").click()
    fine(own.run())
    assert len(own.dataframe(key="curate_table").value) < len(other.dataframe(key="curate_table").value)
    assert portrait(fine(other.run())) == before
    assert History(workspace).versions()[0].id == 1


def test_what_one_has_decided_the_other_sees_with_the_next_run_and_is_told_of(app, workspace):
    own, other = choose(app("curate"), workspace, Choice("cluster", "0.0")), fine(app("curate"))
    fine(own.button(key="triage_prune").click().run())
    fine(other.run())
    assert "**Version 2**" in words(other)
    assert sent_to(other, "curate_panel")["order"]["pruned"] == 10
    assert "Changed elsewhere meanwhile: Version 2, Prune: 10 pairs" in other.toast[0].value
    assert not own.toast


def test_who_decides_on_a_page_that_is_out_of_date_undoes_nothing_and_is_told(app, workspace):
    own = choose(app("curate"), workspace, Choice("cluster", "0.0"))
    other = choose(app("curate"), workspace, Choice("cluster", "1.0"))
    fine(own.button(key="triage_prune").click().run())
    fine(other.button(key="triage_keep").click().run())
    assert decisions(workspace) == {"clusters": {"0.0": "prune", "1.0": "keep"}}
    assert "Changed elsewhere meanwhile: Version 2, Prune: 10 pairs" in other.toast[0].value
    fine(own.button(key="triage_back").click().run())
    assert decisions(workspace) == {"clusters": {"1.0": "keep"}}
    assert "Changed elsewhere meanwhile: Version 3, Keep: 10 pairs" in own.toast[0].value
    assert [version.what.split(":")[0] for version in History(workspace).versions()] == [
        "Take back", "Keep", "Prune", "the beginning",
    ]


def test_a_page_is_of_one_version_though_another_decides_while_it_runs(app, workspace, monkeypatch):
    """Another visitor decides after this page has begun to run and before it has drawn anything."""
    before = decision_panels.yours

    def meanwhile(workspace):
        if len(History(workspace).versions()) == 1:
            History(workspace).change("elsewhere", lambda version: (version.options, {"clusters": {"0.0": "prune"}}))
        before(workspace)

    monkeypatch.setattr(decision_panels, "yours", meanwhile)
    opened = fine(app("curate"))
    assert "**Version 1**" in words(opened)
    assert sent_to(opened, "curate_panel")["order"]["pruned"] == 0
    assert "not the newest" not in words(opened)
    fine(opened.run())
    assert sent_to(opened, "curate_panel")["order"]["pruned"] == 10
    assert "Changed elsewhere meanwhile: Version 2" in opened.toast[0].value


def test_the_version_in_the_address_of_one_is_not_that_of_another(app, workspace):
    own, other = fine(app("curate")), fine(app("curate"))
    History(workspace).change("elsewhere", lambda version: (version.options, {"clusters": {"0.0": "prune"}}))
    own.query_params["version"] = "1"
    fine(own.run())
    fine(other.run())
    assert sent_to(own, "curate_panel")["order"]["pruned"] == 0
    assert sent_to(other, "curate_panel")["order"]["pruned"] == 10
