"""What the map is sent: columns by address, colours, the plan, and what is made of what comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fabricated import TARGETS, TOPICS, TRAIN, fabricate, rewritten
from page_cases import fine, sent_to, words
from streamlit.testing.v1 import AppTest
from test_ui_served import get

from influencespace.curation.plan import KEEP, PRUNE, UP_WEIGHT
from influencespace.ui import colours, damage, density, lasso, map, map_columns, map_plan, pair_map, planning, reading
from influencespace.ui.pair_map import Colouring

STRATUM = (np.arange(TRAIN) // 3) % 2
SQUARE = [[0, 0], [9, 0], [9, 9]]


def column(address: str, kind: str) -> np.ndarray:
    """What the browser gets."""
    status, _, body = get(address)
    assert status == 200
    return np.frombuffer(body, kind)


@pytest.fixture
def pairs(workspace):
    return reading.training(workspace)


def clusters_of(pairs):
    return pairs.workspace.artifact("clusters")


# ---- places and names


def test_points_are_places_and_then_clusters_six_bytes_a_pair(pairs):
    content = column(map_columns.points(pairs), "<u2")
    assert content.nbytes == 6 * TRAIN
    places, cluster = content[: 2 * TRAIN].reshape(-1, 2), content[2 * TRAIN :]
    expected = 1 + np.round(np.stack([pairs.numbers("x"), pairs.numbers("y")], axis=1) * 65533)
    np.testing.assert_array_equal(places, expected)
    assert list(pairs.codes("cluster").labels[cluster]) == [f"{i % 3}.{s}" for i, s in enumerate(STRATUM)]


def test_places_leave_room_for_a_box_around_them_all():
    assert lasso.fixed(np.array([-0.5, 0.0, 0.5, 1.0, 2.0])).tolist() == [1, 1, 32767, 65534, 65534]


def test_atlas_names_clusters_in_order_of_their_codes_and_topics_by_weight(pairs):
    atlas = json.loads(column(map_columns.atlas(pairs, clusters_of(pairs)), "u1").tobytes())
    assert atlas["clusters"][:2] == [f"{TOPICS[0]}: captions that fit badly", f"{TOPICS[0]}: captions that fit well"]
    assert [place["text"] for place in atlas["places"]] == TOPICS
    own = map_columns.places(pairs)[np.arange(TRAIN) % 3 == 1].tolist()
    assert [atlas["places"][1]["x"], atlas["places"][1]["y"]] in own


def test_a_name_stands_on_the_pair_nearest_to_the_middle(pairs):
    places, topic = map_columns.places(pairs).astype(float), np.arange(TRAIN) % 3
    for t, middle in enumerate(map_columns.middles(pairs)):
        own = places[topic == t]
        nearest = np.argmin(((own - own.mean(0)) ** 2).sum(1))
        assert middle.tolist() == own[nearest].tolist()


# ---- colours


def test_clusters_of_a_topic_have_its_colour_darker_and_lighter(pairs):
    of_topic = column(map_columns.cluster_colours(pairs, clusters_of(pairs), by_stratum=False), "u1").reshape(-1, 4)
    assert len(of_topic) == 6
    np.testing.assert_array_equal(of_topic[::2], of_topic[1::2])
    assert len(np.unique(of_topic, axis=0)) == 3
    strata = column(map_columns.cluster_colours(pairs, clusters_of(pairs), by_stratum=True), "u1").reshape(-1, 4).astype(int)
    assert len(np.unique(strata, axis=0)) == 6
    assert (strata[::2, :3].sum(1) < strata[1::2, :3].sum(1)).all()


def test_equal_colours_are_far_apart_and_all_are_used_first():
    draw = np.random.default_rng(0)
    xy, weight = draw.random((300, 2)), draw.random(300)
    chosen = map_columns.spread(xy, weight, 21)
    assert sorted(chosen[np.argsort(-weight)[:21]]) == list(range(21))
    distance = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 9 * np.eye(300)
    in_turn, spread = (np.where(of[:, None] == of[None], distance, 9).min() for of in (np.arange(300) % 21, chosen))
    assert spread > 5 * in_turn


def test_influence_is_centred_on_zero(workspace, pairs):
    look = pair_map.look(workspace, pairs, Colouring(pair_map.HELP, TARGETS[1]))
    shade = column(look.column, "u1")
    assert shade.nbytes == TRAIN
    assert (shade[STRATUM == 0] < 128).all()
    assert (shade[STRATUM == 1] > 128).all()
    assert look.palette["dark"][128] != look.palette["light"][128]
    assert look.scale == ("harms", "helps")


def test_targets_have_columns_of_their_own_and_the_same_content_one_address(workspace, pairs):
    addresses = {pair_map.look(workspace, pairs, Colouring(pair_map.HELP, target)).column for target in TARGETS * 2}
    assert len(addresses) == len(TARGETS)


def test_groups_are_counted_and_the_unknown_are_pale(workspace, pairs):
    look = pair_map.look(workspace, pairs, Colouring(pair_map.MEMBER, "gender"))
    place = column(look.column, "u1")
    assert [entry[0] for entry in look.legend][-1] == "unknown"
    for label, colour, count in look.legend:
        assert count == str((place == colour).sum()) == str(pairs.codes("group.gender").of(label).sum())
    assert look.palette["light"][look.faint] == colours.GREY
    assert look.legend[-1][1] == look.faint


def test_more_categories_than_colours_share_the_last(pairs):
    codes = pairs.codes("caption")
    assert len(codes.labels) == TRAIN
    many = type(codes)(np.arange(300).astype(str), np.arange(300), np.ones(300, dtype=int))
    look = pair_map._categories(pairs, "many", many, "7")
    place = column(look.column, "u1")
    assert (place[7], place[0], place[299]) == (0, 1, 255)
    assert len(look.palette["light"]) == 256
    assert len(look.legend) == 22


# ---- damage


def test_damage_is_unknown_until_something_tells(workspace, pairs):
    assert not damage.is_known(pairs)


def test_damage_is_told_by_the_file_beside_the_source(tmp_path, workspace):
    record = workspace.artifact("pairs").folder / "artifact.json"
    text = json.loads(record.read_text())
    text["facts"]["source"] = str(tmp_path / "pairs.csv")
    record.write_text(json.dumps(text))
    known = [{"image": f"{i}.png", "damage": "mismatch" if i < 5 else "none"} for i in range(TRAIN - 1)]
    (tmp_path / "truth.jsonl").write_text("\n".join(json.dumps(line) for line in known))
    found = damage.known(reading.training(workspace))
    assert found.labels.tolist() == ["mismatch", "none"]
    assert found.counts.tolist() == [5, TRAIN - 5]
    assert found.code[:6].tolist() == [0, 0, 0, 0, 0, 1]


def test_damage_is_told_by_a_column_of_the_table(tmp_path):
    workspace = fabricate(tmp_path / "other", upto="scores")
    table = workspace.artifact("pairs").table("pairs")
    file = workspace.artifact("pairs").folder / "pairs.parquet"
    table.assign(**{"meta.damage": ["untitled", "none"] * (len(table) // 2)}).to_parquet(file, index=False)
    rewritten(workspace, "pairs")
    pairs = reading.training(workspace)
    look = pair_map.look(workspace, pairs, Colouring(pair_map.DAMAGE))
    assert look.legend == [("untitled", 1, "30"), ("undamaged", 0, "30")]
    assert look.faint == 0


# ---- the plan


def test_turns_and_three_numbers_say_the_plan(workspace, pairs):
    shown, plan = map_plan.shown(workspace), planning.plan(workspace)
    turn, benefit = column(shown.order, "<u2"), column(shown.benefit, "<f4")
    assert (len(turn), len(benefit)) == (TRAIN, 6)
    removed = turn < shown.removed_code
    heavier = ~removed & (benefit[pairs.codes("cluster").code] > shown.benefit_threshold) & (shown.cap > 1)
    np.testing.assert_array_equal(np.select([removed, heavier], [PRUNE, UP_WEIGHT], KEEP), plan.dispositions)


def test_another_ratio_keeps_the_address_of_the_turns(workspace, pairs):
    before = map_plan.shown(workspace)
    planning.decide(workspace, "more", options=lambda before: replace(before, reduction=0.5))
    after = map_plan.shown(workspace)
    assert after.order == before.order
    assert after.removed_code > before.removed_code


# ---- what is sent and what comes back


def test_mask_has_a_byte_a_pair_and_an_address_by_its_content():
    shown = np.arange(20) % 3 == 0
    address = map_columns.mask(shown)
    assert column(address, "u1").tolist() == shown.astype(int).tolist()
    assert map_columns.mask(shown.astype(np.uint8)) == address
    assert map_columns.mask(~shown) != address
    assert map_columns.mask(np.zeros(8, bool)) != map_columns.mask(np.zeros(7, bool))


def test_message_of_the_element_is_small_whatever_is_shown(app, workspace):
    opened = fine(app())
    for by in ("Topic", "Cluster", "Disposition", "Influence", "Fit", "Group"):
        opened = fine(opened.segmented_control(key="clusters_colour").set_value(by).run())
        message = sent_to(opened, "clusters_map")
        assert len(json.dumps(message)) < 12_000
        assert message["n"] == TRAIN
        assert by.lower() in message["alt"]
        assert (message["plan"] is not None) == (by == "Disposition")


def element(folder: str, key: str) -> None:
    """A page with a map alone."""
    import streamlit as st

    from influencespace.ui import pair_map, reading
    from influencespace.workspace import Workspace

    workspace = Workspace(folder)
    pairs = reading.training(workspace)
    st.session_state[f"{key}_without_webgl"] = st.session_state.get("off", False)
    pair_map.draw(workspace, pairs, pair_map.Colouring(), key=key, height=300)


def test_without_webgl_there_is_a_picture_and_a_sentence(workspace):
    page = AppTest.from_function(element, args=(str(workspace.path), "plain"), default_timeout=30)
    assert sent_to(fine(page.run()), "plain")["selects"] is False
    page.session_state["off"] = True
    assert density.WHY in words(fine(page.run()))
    assert len(page.get("plotly_chart")) == 1


def test_density_counts_every_pair_once():
    x, y = np.array([0.0, 0.0, 1.0, 0.5]), np.array([0.0, 0.004, 1.0, 2.0])
    found = density.counts(x, y)
    last = density.CELLS - 1
    assert found.sum() == 4
    assert (found[0, 0], found[last, last], found[last, density.CELLS // 2]) == (2, 1, 1)
    others, shown = density.figure(np.zeros_like(found), found, 300).data
    assert np.isnan(shown.z).all() and np.array_equal(np.isfinite(others.z), found > 0)
    assert density.figure(found, found, 300).data[1].z[0, 0] == pytest.approx(np.log10(2))


@pytest.mark.parametrize(
    ("value", "fine_"),
    [
        ({"polygon": SQUARE}, True), ({"polygon": [[0, 0], [65535, 65535], [0, 65535]]}, True), (None, False), ({}, False),
        ({"polygon": SQUARE[:2]}, False), ({"polygon": [*SQUARE, [1, 65536]]}, False), ({"polygon": [*SQUARE, [-1, 0]]}, False),
        ({"polygon": [*SQUARE, [0.5, 1]]}, False), ({"polygon": [*SQUARE, [1, 2, 3]]}, False),
        ({"polygon": [*SQUARE, [True, 1]]}, False), ({"polygon": SQUARE * 21}, False), ({"polygon": "abc"}, False),
    ],
)
def test_only_polygons_are_taken_for_polygons(value, fine_):
    assert map.polygon(value) == (value["polygon"] if fine_ else None)
