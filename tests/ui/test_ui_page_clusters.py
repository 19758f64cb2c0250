"""The clusters page in every state of a workspace, and whatever can be selected on it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from fabricated import TOPICS, TRAIN, AnyOptions, fabricate
from page_cases import fine, sent_to, words

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.ui import gallery, reading, selection, selection_panels
from influencespace.ui.selection import Choice
from influencespace.workspace import Workspace

STRATUM = (np.arange(TRAIN) // 3) % 2
GALLERY, LIST, MAP = "clusters_gallery", "clusters_list", "clusters_map"


def _select(page, kind, value=""):
    page.session_state["selection"]["choices"].append(Choice(kind, value))
    return fine(page.run())


def _shown(page):
    return [card["pair"] for card in sent_to(page, GALLERY)["cards"]]


def _job(commands, status="running", message=""):
    plain = dict.fromkeys(("pid", "started", "heartbeat", "cancelled", "finished"))
    return Job(id=1, title="At work", commands=commands, status=status, done=0, total=1, what="", message=message, submitted=0.0,
               **plain)


# ---- the states of a workspace


def test_without_pairs_there_is_a_sentence_and_one_button(app, tmp_path):
    Workspace(tmp_path / "mine", create=True)
    opened = fine(app())
    assert "There are no pairs in this workspace yet." in words(opened)
    assert [button.label for button in opened.button] == ["Open the demo"]


def test_while_pairs_come_in_the_page_says_that_clusters_will(app, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "mine", create=True)
    running = _job([("import", {}), ("cluster", {})])
    monkeypatch.setattr(jobs, "active", lambda _: running)
    monkeypatch.setattr(jobs, "jobs", lambda _: [running])
    assert "The clusters are on the way and will show here." in words(fine(app()))
    assert workspace.find("pairs") is None


def test_half_computed_shows_samples_and_how_to_go_on(app, tmp_path):
    fabricate(tmp_path / "demo", upto="pairs")
    opened = fine(app())
    assert "The clusters are not there yet." in words(opened)
    assert len(sent_to(opened, "data_samples")["cards"]) == 18


def test_before_there_are_scores_nothing_is_said_of_influence(app, tmp_path):
    fabricate(tmp_path / "demo", upto="clusters")
    opened = fine(app())
    assert {card["bar"] for card in sent_to(opened, GALLERY)["cards"]} == {None}
    assert [column["name"] for column in sent_to(opened, LIST)["columns"]] == ["photos", "name", "pairs", "agreement", "groups"]
    mean, half = 0.295, 1.96 * (np.where(STRATUM == 0, -1.0, 1.0) + np.arange(TRAIN) / 100).std() / np.sqrt(TRAIN - 1)
    said = next(caption.value for caption in opened.caption if "caption fit" in caption.value)
    found = [float(number) for number in said.removeprefix("On average caption fit ").removesuffix(".").split(" ± ")]
    assert found == pytest.approx([mean, half], abs=0.0051)


def test_clusters_that_were_made_anew_show_though_a_decision_about_the_old_ones_stands(app, workspace):
    workspace.decide({"clusters": {"9.9": "prune"}})
    opened = app("clusters")
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [Choice("topic", "0")]}
    fine(opened.run())
    assert "There is a decision about '9.9'" in words(opened)
    assert sent_to(opened, LIST)["rows"]
    assert sent_to(opened, "clusters_map")


def test_whole_workspace(app, workspace):
    opened = fine(app())
    assert "**All 60 pairs**" in [markdown.value for markdown in opened.markdown]
    assert sent_to(opened, MAP)["n"] == TRAIN
    assert sent_to(opened, MAP)["mask"] is None
    assert _shown(opened) == np.argsort(_agreement(workspace), kind="stable").tolist()
    marks = [card["mark"] and card["mark"]["text"] for card in sent_to(opened, GALLERY)["cards"]]
    assert [marks.count(word) for word in ("prune", "up-weight", None)] == [12, 10, 38]
    listed = sent_to(opened, LIST)
    assert [row["name"]["name"] for row in listed["rows"]] == TOPICS
    assert [row["pairs"] for row in listed["rows"]] == [{"count": "20", "share": "33.3 %"}] * 3
    assert [row["disposition"]["detail"] for row in listed["rows"]] == ["80 % of its pairs stay"] * 3
    assert all(len(row["photos"]) == 4 for row in listed["rows"])


def test_out_of_date_is_made_again(app, workspace):
    with workspace.write("proxy", AnyOptions(seed=1)) as draft:
        draft.array("agreement", np.zeros(TRAIN, dtype=np.float32))
    opened = fine(app())
    assert "The clusters are out of date" in words(opened)
    next(button for button in opened.button if button.label == "Bring up to date").click().run()
    assert [commands[0][0] for _, commands in app.submitted] == ["cluster"]


def test_training_and_its_failure_leave_the_page_as_it_is(app, workspace, monkeypatch):
    for job in (_job([("train", {})]), _job([("train", {})], "failed", "The disk is full.")):
        monkeypatch.setattr(jobs, "active", lambda _, job=job: job if job.unfinished else None)
        monkeypatch.setattr(jobs, "jobs", lambda _, job=job: [job])
        opened = app()
        assert not opened.exception
        assert len(_shown(opened)) == TRAIN
        assert [error.value for error in opened.error] == ([] if job.unfinished else ["The disk is full."])


# ---- what can be selected


def test_topic_and_its_clusters(app, workspace):
    opened = _select(app(), selection.TOPIC, "1")
    assert "**20 pairs of the topic “boat, harbour, sea”**" in [markdown.value for markdown in opened.markdown]
    assert sorted(_shown(opened)) == np.flatnonzero(np.arange(TRAIN) % 3 == 1).tolist()
    assert sent_to(opened, MAP)["mask"] is not None
    assert [row["chosen"] for row in sent_to(opened, LIST)["rows"]] == [False, True, False]
    opened.session_state["list_level"] = "cluster"
    opened = _select(opened, selection.CLUSTER, "1.0")
    assert sorted(_shown(opened)) == np.flatnonzero((np.arange(TRAIN) % 3 == 1) & (STRATUM == 0)).tolist()
    rows = {row["id"]: row for row in sent_to(opened, LIST)["rows"]}
    assert len(rows) == 6
    assert rows["1.0"]["chosen"]
    assert rows["1.0"]["disposition"]["word"] == "prune in part"


def test_back_leads_to_what_was_selected_before_and_all_to_all(app, workspace):
    opened = _select(_select(app(), selection.TOPIC, "1"), selection.TOPIC, "2")
    opened = fine(opened.button(key="selection_back").click().run())
    assert set(np.array(_shown(opened)) % 3) == {1}
    opened = fine(opened.button(key="selection_all").click().run())
    assert len(_shown(opened)) == TRAIN
    assert "selection_back" not in {button.key for button in opened.button}


@pytest.mark.parametrize(("way", "query", "pairs"), [
    ("Words", "DOG man", [3, 9, 15, 21, 27, 33, 39, 45, 51, 57]), ("Words", "umber", []),
    ("Text", "umber 4", [4, *range(40, 50)]),
    ("Text", "<b>", list(range(TRAIN))), ("Words", "<b>", []), ("Text", ".*", []),
])
def test_search_finds_captions_and_says_why_not(app, workspace, way, query, pairs):
    opened = app()
    opened.session_state["clusters_way"] = way
    opened = fine(opened.text_input(key="clusters_query").set_value(f" {query} ").run())
    if pairs:
        assert sorted(_shown(opened)) == pairs
    else:
        assert opened.info[0].value.startswith("No caption has")
        assert query in opened.info[0].value
    opened = fine(opened.text_input(key="clusters_query").set_value("").run())
    assert len(_shown(opened)) == TRAIN


def test_search_by_meaning_is_offered_only_with_an_encoder(app, workspace):
    control = app().get("button_group")
    ways = next(element for element in control if element.proto.id.endswith("clusters_way"))
    assert [option.content for option in ways.proto.options] == ["Words", "Text"]
    assert "the encoder demo is not on this machine" in ways.proto.help


def test_what_cannot_be_looked_for_is_a_sentence_with_the_way_back(app, workspace):
    opened = app()
    opened.session_state["selection"]["choices"].append(Choice(selection.MEANING, "a dog"))
    opened = opened.run()
    assert not opened.exception
    assert "No search by meaning: the encoder demo is not on this machine." in opened.error[0].value
    assert sent_to(opened, MAP)["n"] == TRAIN
    opened = fine(opened.button(key="selection_back").click().run())
    assert len(_shown(opened)) == TRAIN


def test_area_of_the_map_is_exact(app, workspace):
    members = workspace.artifact("clusters").table("members")
    x, y = (np.round(members[side].to_numpy() * 65535).astype(int) for side in ("x", "y"))
    opened = _select(app(), selection.AREA, json.dumps([[0, 0], [40000, 0], [40000, 40000], [0, 40000]]))
    assert sorted(_shown(opened)) == np.flatnonzero((x < 40000) & (y < 40000)).tolist()
    opened = _select(opened, selection.AREA, "[[0, 0], [9, 0], [0, 9]]")
    assert opened.info[0].value.startswith("No point lies in the area.")


def test_neighbours_and_near_duplicates_of_a_pair(app, workspace):
    opened = _select(app(), selection.ALIKE, "7")
    assert "**60 pairs most like pair-7**" in [markdown.value for markdown in opened.markdown]
    shown = _shown(opened)
    assert shown[0] == 7
    assert set(np.array(shown[:20]) % 3) == {7 % 3}
    assert opened.selectbox(key="clusters_order_5").value == "Most alike first"
    opened = _select(opened, selection.COPIES, "3")
    assert _shown(opened) == [3, 0, 6]
    opened = _select(opened, selection.COPIES, "5")
    assert _shown(opened) == [5]
    assert "which repeats no other" in words(opened)
    opened = _select(opened, selection.ALIKE, str(TRAIN))
    assert opened.info[0].value == "That pair is not among the training pairs any more."


# ---- the gallery, the figures and the list


def test_gallery_follows_order_and_target(app, workspace):
    opened = app()
    opened.selectbox(key="clusters_order_4").set_value("Helps most").run()
    opened.selectbox(key="clusters_target").set_value("gender=woman").run()
    cards = sent_to(fine(opened), GALLERY)["cards"]
    assert [card["pair"] for card in cards[:30]] == np.flatnonzero(STRATUM == 1).tolist()
    assert cards[0]["note"] == "helps · fit +1.0"
    assert cards[0]["image"].startswith("/-/photo/")


def test_pages_are_pieces_of_the_whole_order(workspace, monkeypatch):
    monkeypatch.setattr(gallery, "PAGE", 7)
    pairs = reading.training(workspace)
    chosen = selection.Selection(Choice(), np.arange(10, 50), TRAIN, "", "key")
    pages = [selection_panels._page(pairs, chosen, "agreement", -1, page, -1) for page in range(1, 7)]
    expected = 10 + np.argsort(-pairs.numbers("agreement")[10:50], kind="stable")
    assert np.concatenate(pages).tolist() == expected.tolist()
    assert selection_panels._page(pairs, chosen, "agreement", -1, 1, int(expected[3])).tolist() == [
        expected[3], *expected[[0, 1, 2, 4, 5, 6]],
    ]
    assert selection_panels._page(pairs, chosen, "agreement", -1, 1, int(expected[20])).tolist() == [expected[20], *expected[:7]]


def test_figures_are_means_with_intervals_and_shares(app, workspace):
    opened = _select(app(), selection.CLUSTER, "0.1")
    own = np.flatnonzero((np.arange(TRAIN) % 3 == 0) & (STRATUM == 1))
    fit, means, groups = _agreement(workspace)[own], opened.dataframe[0].value, opened.dataframe[1].value
    assert means["what"].tolist() == ["Caption fit", "Influence, overall", "Influence, gender: woman", "Influence, gender: man"]
    half = 1.96 * fit.std() / np.sqrt(len(own) - 1)
    assert means["mean"][0] == f"+{fit.mean():.2f} ± {half:.2f}"
    assert means["mean"][1] == "+0.0300 ± 0.0000"
    assert means["all"][1] == "+0.0050"
    counts = workspace.artifact("pairs").table("pairs")["group.gender"].iloc[own].value_counts()
    assert dict(zip(groups["value"], groups["pairs"], strict=True)) == {name: counts.get(name, 0) for name in groups["value"]}
    assert groups["share"].sum() == pytest.approx(100)


def test_names_of_the_selection_go_out_as_csv(workspace):
    pairs = reading.training(workspace)
    chosen = selection.Selection(Choice("topic", "1"), np.array([4, 2]), TRAIN, "", "key")
    assert pa.csv.read_csv(pa.BufferReader(selection_panels.names_csv(pairs, chosen).tobytes()))["id"].to_pylist() == [
        "pair-4", "pair-2",
    ]
    everything = selection.Selection(Choice(), None, TRAIN, "", "all")
    assert len(pa.csv.read_csv(pa.BufferReader(selection_panels.names_csv(pairs, everything).tobytes()))) == TRAIN
    hostile = SimpleNamespace(text=lambda name: pa.chunked_array([["=1+1", "-7"]]))
    assert selection_panels.names_csv(hostile, everything).tobytes() == b'"id"\n"\'=1+1"\n"-7"\n'


def test_list_is_sorted_here(app, workspace):
    opened = app()
    opened.session_state["list_level"] = "cluster"
    opened.session_state["clusters_list_sorted"] = ("influence", False)
    listed = sent_to(fine(opened.run()), LIST)
    assert [row["id"][-1] for row in listed["rows"]] == ["0"] * 3 + ["1"] * 3
    assert listed["rows"][0]["influence"]["text"] == "−0.80 ± 0.31"
    opened.session_state["clusters_list_sorted"] = ("name", True)
    names = [row["name"]["name"] for row in sent_to(fine(opened.run()), LIST)["rows"]]
    assert names == sorted(names, reverse=True)


def test_steps_go_through_the_list_and_decisions_show_in_it(app, workspace):
    opened = fine(app())
    for expected in ("0", "1", "2", "2"):
        opened = fine(opened.button(key="triage_next").click().run())
        assert [row["id"] for row in sent_to(opened, LIST)["rows"] if row["chosen"]] == [expected]
    opened = fine(opened.button(key="triage_before").click().run())
    opened = fine(opened.button(key="triage_prune").click().run())
    assert workspace.decisions() == {"topics": {"1": "prune"}}
    assert [row["disposition"]["detail"] for row in sent_to(opened, LIST)["rows"]][1] == "0 % of its pairs stay"


def test_two_workspaces_have_selections_of_their_own(app, workspace, tmp_path):
    fabricate(tmp_path / "other")
    opened = _select(app(), selection.TOPIC, "1")
    opened = fine(opened.selectbox(key="workspace").set_value("other").run())
    assert len(_shown(opened)) == TRAIN


def _agreement(workspace):
    return np.array(workspace.artifact("proxy").array("agreement"))
