"""The page Influence in every state of a workspace: what it says, shows and does when something on it is clicked."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fabricated import TARGETS, TOPICS, TRAIN, VALUES, AnyOptions, fabricate, rewritten, write_effects
from page_cases import fine, sent_to, words

from influencespace import jobs
from influencespace.influence.verification import check
from influencespace.jobs import Job
from influencespace.ui import effect_panels, influence_panels, reading, selection
from influencespace.ui.influence_rows import level_rows, standing, subjects
from influencespace.workspace import Workspace

VIEWS = ["Help and harm", "Data and benefit", "Groups and gaps", "Redundancy", "Removal effect"]
STRATUM = (np.arange(TRAIN) // 3) % 2
CLUSTER = np.array([f"{i % 3}.{s}" for i, s in enumerate(STRATUM)])
PREDICT = "Predict what removing would do"


def score_again(workspace: Workspace, error: float = 0.001) -> None:
    """Scores as the stage writes them now, under the same digest: of topic 0 the pairs help women alone, of topic 1 men alone,
    and the later of a cluster's pairs help more."""
    topic, own = np.arange(TRAIN) % 3, np.where(STRATUM == 0, -0.02, 0.03) + 0.0001 * np.arange(TRAIN)
    scores = pd.DataFrame({
        "overall": own, TARGETS[1]: own + 0.02 * (topic == 0), TARGETS[2]: own + 0.02 * (topic == 1)
    }).astype(np.float32)
    gap = scores[TARGETS[1]] - scores[TARGETS[2]]
    targets = [
        {"name": name, "attribute": attribute, "value": value, "photos": photos, "loss": loss, "loss_error": 0.1}
        for name, attribute, value, photos, loss in zip(
            TARGETS, (None, "gender", "gender"), (None, *VALUES), (12, 5, 7), (2.0, 2.6, 1.9), strict=True
        )
    ]
    with workspace.write("scores", AnyOptions()) as draft:
        draft.table("pairs", scores)
        draft.json("targets", targets)
        for level, labels in (("clusters", CLUSTER), ("topics", topic)):
            grouped = scores.assign(**{"gap.gender": gap}).groupby(labels)
            table = grouped.sum().join(grouped.mean().add_suffix(".mean"))
            for name in (*TARGETS, "gap.gender"):
                table[f"{name}.error"] = error
            count = len(table)
            table = table.assign(
                share_pairs=grouped.size() / TRAIN, share_benefit=0.0, repeated=np.arange(count) / 10,
                likeness=np.linspace(0.1, 0.8, count),
            )
            draft.table(level, table.rename_axis(level.removesuffix("s")).reset_index())


@pytest.fixture
def scored(workspace):
    score_again(workspace)
    return workspace


def chart(page, key: str) -> list[dict]:
    """The traces of a chart."""
    return next(json.loads(c.proto.spec)["data"] for c in page.get("plotly_chart") if c.proto.id.endswith(f"-{key}"))


def numbers(values) -> np.ndarray:
    """Numbers of a chart, which travel as typed arrays or as lists."""
    if not isinstance(values, dict):
        return np.array(values)
    shape = [int(size) for size in values.get("shape", "-1").split(",")]
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).reshape(shape)


def show(page, **state):
    """The page after some of its widgets were set."""
    for key, value in state.items():
        page.session_state[key] = value
    return fine(page.run())


def table(page) -> pd.DataFrame:
    """All topics or clusters, the last table of the page."""
    return page.dataframe[-1].value


# -- What there is before there are scores.


def test_without_pairs_there_is_a_sentence_with_one_button(app, tmp_path):
    Workspace(tmp_path / "mine", create=True)
    opened = fine(app("influence"))
    assert "There are no pairs in this workspace yet." in words(opened)
    assert [button.label for button in opened.button] == ["Open the demo"]


@pytest.mark.parametrize("upto", ["pairs", "proxy", "clusters"])
def test_before_there_are_scores_one_button_makes_them(app, tmp_path, upto):
    fabricate(tmp_path / "demo", upto=upto)
    opened = fine(app("influence"))
    assert "The influence scores are not there yet." in words(opened)
    opened.button[0].click().run()
    assert app.submitted == [("demo", [("score", {})])]


def test_scores_on_the_way_are_said_to_be(app, tmp_path, monkeypatch):
    fabricate(tmp_path / "demo", upto="clusters")
    running(monkeypatch, "score")
    assert "The influence scores are on the way" in words(fine(app("influence")))


def test_stale_scores_say_so(app, scored):
    with scored.write("clusters", AnyOptions(seed=1)) as draft:
        for name in ("members", "clusters", "topics"):
            draft.table(name, scored.artifact("clusters").table(name))
    opened = fine(app("influence"))
    assert "The influence scores are out of date" in words(opened)
    assert [button.label for button in opened.button] == ["Bring up to date"]


def test_while_a_model_trains_the_page_is_whole(app, scored, monkeypatch):
    running(monkeypatch, "train")
    opened = fine(app("influence"))
    assert len(opened.get("progress")) == 1
    assert len(opened.get("plotly_chart")) == 1


def test_a_failed_job_leaves_the_page_whole(app, scored, monkeypatch):
    failed = job(status="failed", message="The device is not there.")
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [failed])
    opened = app("influence")
    assert [error.value for error in opened.error] == ["The device is not there."]
    assert len(opened.get("plotly_chart")) == 1


# -- The selection score.


def test_every_view_shows_one_subject_with_a_title_and_an_explanation(app, scored):
    opened = fine(app("influence"))
    assert opened.selectbox(key="target").options == ["overall", "gender: woman", "gender: man", "gap in gender"]
    for view in VIEWS:
        for target in ("overall", "gap in gender"):
            for level in ("topic", "cluster"):
                show(opened, influence_view=view, target=target, influence_level=level)
                [heading, *_] = opened.subheader
                assert heading.value == {"Redundancy": view, "Removal effect": view}.get(view, "Selection score")
                assert not any(word in words(opened).lower() for word in ("gradient", "tensor", "artifact"))


def test_title_says_how_many_harm_and_the_chart_shows_them_in_order(app, scored):
    opened = show(app("influence"), influence_level="cluster", target="gender: woman")
    assert "**2 of 6 clusters harm the loss on gender: woman, 4 help**" in words(opened)
    [dots] = chart(opened, "influence_order")
    assert list(np.diff(numbers(dots["x"])) <= 0) == [True] * 5
    assert dots["text"][-1] == f"{TOPICS[1]} · fit badly"
    assert numbers(dots["customdata"])[-1] == 2  # cluster 1.0


def test_what_chance_explains_is_a_ring_and_said_to_be(app, workspace):
    score_again(workspace, error=1.0)
    opened = show(app("influence"), influence_level="cluster")
    assert "None of 6 clusters harms the overall loss, none helps; 6 within chance" in words(opened)
    assert set(chart(opened, "influence_order")[0]["marker"]["symbol"]) == {"circle-open"}
    assert "is **within chance**" in words(opened)
    assert set(table(opened)["verdict"]) == {"within chance"}


def test_shares_are_of_the_chosen_target(app, scored):
    opened = show(app("influence"), influence_level="cluster", influence_view="Data and benefit", target="gender: woman")
    more, less, _ = chart(opened, "influence_shares")
    shares = np.concatenate([numbers(more["y"]), numbers(less["y"])])
    assert shares.sum() == pytest.approx(100)
    sums = reading.table(scored.artifact("scores"), "clusters").set_index("cluster")[TARGETS[1]].clip(lower=0)
    assert sorted(shares) == pytest.approx(sorted(100 * sums / sums.sum()), rel=1e-5)


def test_groups_and_the_gap_stand_side_by_side(app, scored):
    opened = show(app("influence"), influence_view="Groups and gaps", influence_level="cluster")
    heat, points = chart(opened, "influence_heat")
    assert heat["x"] == ["overall", "gender: woman", "gender: man", "gap in gender"]
    places = numbers(points["customdata"])[::4]
    signs = dict(zip(places, (row[3] for row in heat["text"]), strict=True))
    assert [signs[place] for place in range(6)] == ["+", "+", "−", "−", "", ""]
    assert "The loss on **gender: woman** is 0.70 ± 0.28 above that on **gender: man**: a gap beyond chance." in words(opened)
    assert "Beyond chance, 2 clusters narrow it and 2 widen it." in words(opened)


def test_a_gap_within_chance_is_said_to_be_one(app, workspace):
    opened = show(app("influence"), influence_view="Groups and gaps")
    assert "within chance, so there may be no gap to close. What any topic does to it is within chance." in words(opened)


def test_help_for_one_group_at_the_cost_of_another_is_the_title(app, scored):
    opened = show(app("influence"), influence_view="Groups and gaps", influence_level="cluster")
    rows = level_rows(scored.artifact("clusters"), scored.artifact("scores"), "cluster")
    means = rows[[f"{target}.mean" for target in TARGETS[1:]]].to_numpy()
    odd = int((np.sign(means).prod(1) < 0).sum())
    assert odd > 0
    assert f"{odd} of 6 clusters help" in words(opened)


def test_gap_is_chosen_like_a_target_with_its_own_words(app, scored):
    opened = show(app("influence"), target="gap in gender")
    assert "**1 of 3 topics widens the gap in gender, 1 narrows; 1 within chance**" in words(opened)
    assert "12 validation photos" in words(opened)
    assert "The loss on **gender: woman** is 0.70 ± 0.28 above that on **gender: man**: a gap beyond chance." in words(opened)
    assert list(table(opened)["verdict"]) == ["narrows", "within chance", "widens"]


def test_redundancy_says_how_much_repeats(app, scored):
    opened = show(app("influence"), influence_view="Redundancy", influence_level="cluster")
    assert "**25.0 % of the pairs repeat others; in 0 of 6 clusters more than twice as many**" in words(opened)
    points, _ = chart(opened, "influence_redundancy")
    assert sorted(numbers(points["y"])) == pytest.approx([0, 10, 20, 30, 40, 50])


def test_scores_of_before_show_all_but_redundancy(app, workspace):
    assert "gap.gender" not in reading.table(workspace.artifact("scores"), "topics")
    opened = show(app("influence"), influence_view="Redundancy")
    assert "These scores were written before redundancy was looked at." in words(opened)
    assert "repeat others" not in words(opened)
    show(opened, influence_view="Help and harm", target="gap in gender")
    assert len(opened.get("plotly_chart")) == 1


def test_error_of_a_gap_of_before_is_that_of_both_groups(workspace):
    scores, clusters = workspace.artifact("scores"), workspace.artifact("clusters")
    rows = level_rows(clusters, scores, "topic")
    assert rows["gap.gender.error"].to_numpy() == pytest.approx(0.004 * np.sqrt(2))
    gap = subjects(scores.json("targets"))[-1]
    assert standing(rows, gap, "topic")["value"].tolist() == [0, 0, 0]


# -- Choosing.


def test_without_a_choice_the_worst_is_shown_and_said_to_be(app, scored):
    opened = app("influence")
    assert "Shown is the topic with the lowest score" in words(fine(opened))
    assert f"#### {TOPICS[0]}" in words(opened)
    assert "topic" not in opened.query_params


@pytest.mark.parametrize(("level", "value", "name"), [
    ("topic", "1", TOPICS[1]), ("cluster", "2.1", f"{TOPICS[2]} · fit well"),
])
def test_choice_of_another_page_is_shown_at_its_level_and_in_the_address(app, scored, level, value, name):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(scored.path), "choices": [selection.Choice(level, value)]}
    fine(opened.run())
    assert f"#### {name}" in words(opened)
    assert opened.session_state["influence_level"] == level
    assert opened.query_params[level] == value
    # The level may be changed then.
    show(opened, influence_level="topic" if level == "cluster" else "cluster")
    assert level not in opened.query_params
    assert len(table(opened)) == (3 if level == "cluster" else 6)


def test_address_names_target_and_cluster(app, scored):
    opened = app()
    opened.query_params["cluster"] = "1.1"
    opened.query_params["target"] = "gender: woman"
    opened.switch_page("../../pages/influence.py")
    fine(opened.run())
    assert f"#### {TOPICS[1]} · fit well" in words(opened)
    assert opened.selectbox(key="target").value == "gender: woman"


def test_name_in_the_address_that_is_no_cluster_shows_the_worst(app, scored):
    opened = app()
    opened.query_params["cluster"] = "99.9"
    opened.switch_page("../../pages/influence.py")
    assert "Shown is the cluster with the lowest score" in words(fine(opened.run()))


def test_target_of_another_workspace_is_forgotten(app, scored):
    opened = app()
    opened.session_state["target"] = "age=old"
    opened.switch_page("../../pages/influence.py")
    assert fine(opened.run()).selectbox(key="target").value == "overall"


@pytest.mark.parametrize(("points", "chosen_label"), [
    ([{"customdata": 4}], "2.0"), ([], None), ([{"customdata": 99}], None), ([{}], None),
])
def test_click_on_a_point_chooses_its_row(scored, monkeypatch, points, chosen_label):
    kept, chosen = {}, []
    monkeypatch.setattr(influence_panels.st, "session_state", kept)
    monkeypatch.setattr(influence_panels.st, "plotly_chart", lambda figure, on_select, **how: kept.update(on_select=on_select))
    monkeypatch.setattr(selection, "choose", lambda *choice: chosen.append(choice))
    view = pd.DataFrame({"label": ["0.0", "0.1", "1.0", "1.1", "2.0"]})
    influence_panels.clickable(scored, SimpleNamespace(update_layout=lambda **how: None), view, "cluster", key="c", alt="")
    kept["c"] = {"selection": {"points": points}}
    kept["on_select"]()
    assert chosen == ([(scored, "cluster", chosen_label)] if chosen_label else [])


def test_click_on_a_row_of_the_table_chooses_it(app, scored, monkeypatch):
    opened = show(app("influence"), influence_level="cluster", influence_sort="Name")
    assert list(table(opened)["name"]) == sorted(table(opened)["name"])
    label = list(table(opened)["label"])[1]
    choose = influence_panels._on_row(scored, "t", table(opened)["label"], "cluster")
    chosen = []
    monkeypatch.setattr(influence_panels.st, "session_state", {"t": {"selection": {"rows": [1]}}})
    monkeypatch.setattr(selection, "choose", lambda *choice: chosen.append(choice))
    choose()
    influence_panels.st.session_state["t"]["selection"]["rows"] = [7]  # of a page that was longer
    choose()
    assert chosen == [(scored, "cluster", label)]


def test_search_leaves_the_clusters_of_that_name(app, scored):
    opened = show(app("influence"), influence_level="cluster", influence_find="HARBOUR")
    assert [heading.value for heading in opened.subheader][-1] == "2 of 6 clusters"
    assert set(table(opened)["label"]) == {"1.0", "1.1"}
    assert set(numbers(chart(opened, "influence_order")[0]["customdata"])) == {2, 3}
    show(opened, influence_find="2.1")
    assert set(table(opened)["label"]) == {"2.1"}
    show(opened, influence_find="(nothing")
    assert "No cluster has that in its name. Clear the search to see all 6." in words(opened)


def test_search_holds_for_removal_effects_too(app, scored):
    opened = show(app("influence"), influence_view="Removal effect", influence_find="harbour")
    assert set(numbers(chart(opened, "influence_effects")[0]["customdata"])) == {2, 3}
    show(opened, influence_find="1")  # the number of a topic, which no cluster has
    assert len(numbers(chart(opened, "influence_effects")[0]["customdata"])) == 6


def test_what_is_shown_can_be_selected_and_then_links_lead_to_the_pages_that_show_it(app, scored):
    opened = show(app("influence"), influence_level="cluster")
    assert not opened.get("page_link")
    opened.button(key="influence_select").click().run()
    assert opened.session_state["selection"]["choices"] == [selection.Choice("cluster", "0.0")]
    assert [link.proto.label for link in fine(opened).get("page_link")] == ["On the map", "Decide"]
    assert opened.query_params["cluster"] == "0.0"


def test_without_groups_it_says_how_to_get_them(app, workspace):
    targets = workspace.artifact("scores").json("targets")[:1]
    (workspace.artifact("scores").folder / "targets.json").write_text(json.dumps(targets))
    rewritten(workspace, "scores")
    opened = show(app("influence"), influence_view="Groups and gaps")
    assert "No groups are compared in this workspace." in words(opened)
    assert opened.selectbox(key="target").options == ["overall"]


def test_many_clusters_come_by_pages(app, scored, monkeypatch):
    monkeypatch.setattr(influence_panels, "LINES", 4)
    monkeypatch.setattr(influence_panels, "PAGE", 2)
    monkeypatch.setattr(influence_panels, "CELLS", 4)
    opened = show(app("influence"), influence_level="cluster")
    everything = list(standing(
        level_rows(scored.artifact("clusters"), scored.artifact("scores"), "cluster"),
        subjects(scored.artifact("scores").json("targets"))[0], "cluster",
    )["value"].argsort()[::-1])
    both = list(numbers(chart(opened, "influence_order")[0]["customdata"]))
    assert both == everything[:2] + everything[-2:]
    assert "The 2 at either end of 6." in words(opened)
    assert len(table(opened)) == 2
    show(opened, influence_order_show="From the worst")
    assert list(numbers(chart(opened, "influence_order")[0]["customdata"])) == everything[::-1][:4]
    show(opened, influence_order_page_2=2)
    assert list(numbers(chart(opened, "influence_order")[0]["customdata"])) == everything[::-1][4:]
    show(opened, influence_view="Groups and gaps")
    assert len(chart(opened, "influence_heat")[0]["text"]) == 4
    assert "The 2 that help and the 2 that harm most, of 6." in words(opened)


# -- One of them.


def test_pairs_that_drive_the_score_are_shown_best_and_worst(app, scored):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(scored.path), "choices": [selection.Choice("cluster", "0.1")]}
    opened = show(opened)
    own = np.flatnonzero(CLUSTER == "0.1")
    best, worst = (sent_to(opened, f"influence_{words}")["cards"] for words in ("best", "worst"))
    # Ten pairs, so five each; the later ones help more.
    assert [card["pair"] for card in best] == own[::-1][:5].tolist()
    assert [card["pair"] for card in worst] == own[:5].tolist()
    assert best[0]["note"] == "+1.4 · fit +1.6"


def test_pairs_of_a_gap_are_those_that_differ_between_its_groups(app, scored):
    opened = show(app("influence"), target="gap in gender")
    cards = sent_to(opened, "influence_best")["cards"]
    assert len(cards) == 6
    assert {card["pair"] % 3 for card in cards} == {1}  # of the topic that widens it most


def test_pairs_that_cannot_be_told_apart_are_not_shown_as_best_and_worst(app, workspace):
    opened = app("influence")
    opened.session_state["selection"] = {"workspace": str(workspace.path), "choices": [selection.Choice("cluster", "0.1")]}
    assert "Its pairs cannot be told apart by their influence on the overall loss" in words(show(opened))


def test_score_and_removal_of_a_cluster_stand_apart_on_every_target(app, scored):
    opened = show(app("influence"), influence_level="cluster")
    figures = opened.dataframe[0].value.set_index("on")
    assert list(figures.index) == ["overall", "gender: woman", "gender: man", "gap in gender"]
    # The cluster 0.0, without which losses of 2, 2.5 and 1.9 fall by 0.01, 0.012 and 0.008.
    assert figures["effect"].to_numpy() == pytest.approx([-0.5, -0.48, -0.008 / 1.9 * 100, -0.2], rel=1e-5)
    assert list(figures["verdict"]) == ["verified", "verified", "doubtful", "doubtful"]
    assert figures["score"].iloc[0].startswith("−0.")
    assert list(figures["does"]) == ["harms", "helps", "harms", "narrows"]


def test_topics_have_no_removal_effect(app, scored):
    opened = fine(app("influence"))
    assert "effect" not in opened.dataframe[0].value
    assert "a topic's is not the sum of its clusters'" in words(opened)


# -- The removal effect, and how far to trust it.


def test_removal_effects_are_in_percent_of_the_loss_with_those_at_both_ends_by_name(app, scored):
    opened = show(app("influence"), influence_view="Removal effect", influence_level="cluster")
    [dots] = chart(opened, "influence_effects")
    expected = 0.5 * np.array([-0.02, 0.021, -0.018, 0.023, -0.016, 0.025]) / 2 * 100
    assert np.allclose(numbers(dots["x"]), np.sort(expected)[::-1])
    assert (
        f"**The overall loss would rise by 0.63 % without “{TOPICS[2]} · fit well”, and fall by 0.5 % without "
        f"“{TOPICS[0]} · fit badly”**"
    ) in words(opened)


def test_bars_of_removal_effects_are_what_predictions_were_off_by(scored):
    subject = subjects(scored.artifact("scores").json("targets"))[0]
    made, found, clusters = (scored.artifact(name) for name in ("effects", "verification", "clusters"))
    compared = found.table("clusters").query("target == 'overall'")
    off = np.sqrt(np.mean((compared["actual"] - compared["predicted"]) ** 2))
    assert effect_panels.removal(made, found, clusters, subject)["error"].to_numpy() == pytest.approx(100 / 2 * off)
    assert effect_panels.removal(made, None, clusters, subject)["error"].isna().all()


def test_badge_is_a_word_and_a_sign_for_the_chosen_target(app, scored):
    opened = show(app("influence"), influence_view="Removal effect")
    assert ":green-badge[:material/verified: verified]" in words(opened)
    show(opened, target="gender: man")
    assert ":orange-badge[:material/warning: doubtful]" in words(opened)


def test_gap_has_a_check_of_its_own(app, scored):
    """Four clusters are too few to say more, however right both groups are."""
    opened = show(app("influence"), influence_view="Removal effect", target="gap in gender")
    assert ":orange-badge[:material/warning: doubtful]" in words(opened)
    rows = scored.artifact("verification").table("clusters").pivot(index="cluster", columns="target")
    predicted, actual = (rows[side]["gender=woman"] - rows[side]["gender=man"] for side in ("predicted", "actual"))
    entry = check(predicted.to_numpy(), actual.to_numpy()).json()
    figures = opened.dataframe[0].value.set_index("Figure")["Value"]
    assert figures["Size (slope; 1 is right)"].startswith("1.10")
    assert entry["slope"]["mean"] == pytest.approx(1.1)
    assert "would widen by" in words(opened)


def test_check_shows_predicted_beside_retrained_and_what_guessing_would_do(app, scored):
    opened = show(app("influence"), influence_view="Removal effect")
    first, predicted = chart(opened, "influence_check")
    assert np.allclose(numbers(first["x"]), 0.5 * numbers(predicted["x"]))
    assert np.allclose(numbers(predicted["y"]), 1.1 * numbers(predicted["x"]))
    figures, plans = (frame.value for frame in opened.dataframe[:2])
    assert list(figures["Value"]) == ["0.99  [0.90, 1.00]"] * 4 + ["0.75"]
    assert plans[["reduction", "predicted", "actual"]].to_numpy() == pytest.approx(np.array([[15, 0.15, 0.16], [30, 0.3, 0.31]]))
    assert "4 of 6 clusters were left out" in words(opened)
    show(opened, target="gender: man")
    assert list(opened.dataframe[0].value["Value"])[2] == "–"


def test_what_is_not_predicted_can_be(app, tmp_path):
    fabricate(tmp_path / "demo", upto="plan")
    opened = show(app("influence"), influence_view="Removal effect")
    assert "The predictions are not there yet." in words(opened)
    next(button for button in opened.button if button.label == PREDICT).click().run()
    assert app.submitted == [("demo", [("effects", {})])]


@pytest.mark.parametrize(("command", "coming"), [("train", False), ("effects", True), ("verify", True), ("demo", True)])
def test_predictions_are_on_the_way_only_if_a_job_makes_them(app, tmp_path, monkeypatch, command, coming):
    fabricate(tmp_path / "demo", upto="plan")
    running(monkeypatch, command)
    opened = show(app("influence"), influence_view="Removal effect")
    assert ("The predictions are on the way" in words(opened)) == coming
    assert (PREDICT in [button.label for button in opened.button]) == (not coming)


def test_check_by_retraining_is_started_with_the_number_of_clusters(app, tmp_path):
    fabricate(tmp_path / "demo", upto="effects")
    opened = show(app("influence"), influence_view="Removal effect")
    assert ":gray-badge[:material/help: unverified]" in words(opened)
    assert "Not done yet." in words(opened)
    number = opened.number_input(key="verify_clusters")
    assert (number.value, number.min, number.max) == (6, 2, 6)
    number.set_value(5)
    next(button for button in opened.button if button.label == "Check by retraining").click().run()
    assert not opened.exception
    assert app.submitted == [("demo", [("verify", {"clusters": 5})])]


def test_check_waits_for_what_is_being_computed(app, scored, monkeypatch):
    monkeypatch.setattr(jobs, "active", lambda workspace: SimpleNamespace())
    monkeypatch.setattr("influencespace.ui.work.strip", lambda workspace: None)
    opened = show(app("influence"), influence_view="Removal effect")
    assert next(button for button in opened.button if button.label == "Check by retraining").disabled


def test_check_of_earlier_predictions_says_so_and_shows_nothing_of_them(app, scored):
    with scored.write("effects", AnyOptions(seed=1)) as draft:
        write_effects(draft, scored)
    opened = show(app("influence"), influence_view="Removal effect")
    assert "The check is out of date" in opened.warning[0].value
    for target in ("overall", "gap in gender"):
        show(opened, target=target)
        assert ":gray-badge[:material/help: unverified]" in words(opened)
        assert len(opened.get("plotly_chart")) == 1


def running(monkeypatch, command: str) -> None:
    """A job of one command is being done."""
    now = job(status="running", commands=[[command, {}]], started=1.0, done=3, total=12)
    monkeypatch.setattr(jobs, "active", lambda workspace: now)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [now])


def job(**values) -> Job:
    plain = {
        "id": 7, "title": "Training", "commands": [], "status": "queued", "done": 0, "total": 0, "what": "",
        "message": "", "pid": 1, "submitted": 0.0, "started": None, "heartbeat": None, "cancelled": None, "finished": None,
    }
    return Job(**plain | values)
