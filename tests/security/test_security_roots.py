"""Whoever types a path into the app reaches nothing outside the folders that it was started with, by links and dots neither."""

from __future__ import annotations

import os
import typing

import pytest
from fabricated import fabricate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from influencespace import jobs
from influencespace.engines import EngineOptions
from influencespace.errors import OptionError, PairsError
from influencespace.export.options import ExportOptions
from influencespace.jobs import roots
from influencespace.jobs.place import choose, chosen
from influencespace.options import describe
from influencespace.stages import STAGES
from influencespace.ui import starting

# Texts that name something, but no place on disk.
NO_PLACES = {
    "image_column", "caption_column", "id_column", "holdout_column", "filter", "validation_filter", "test_filter", "groups",
    "labels", "device", "only", "address", "image_embedding", "text_embedding",
}


def unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without a variable of the environment until the test has ended, even if it is set meanwhile."""
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root with a file, a link that stays and links that leave; beside it what is nobody's business."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "deep", outside):
        folder.mkdir(parents=True)
        (folder / "pairs.csv").write_text("image,caption\n")
    (root / "stays").symlink_to(root / "deep")
    (root / "leaves").symlink_to(outside)
    (root / "leaves.csv").symlink_to(outside / "pairs.csv")
    (root / "circle").symlink_to(root / "circle")
    monkeypatch.setenv(roots.VARIABLE, str(root))
    monkeypatch.chdir(root)
    return root


def test_every_text_that_can_be_typed_is_known_to_name_a_place_or_not():
    kinds = [stage.options for stage in STAGES.values()] + [ExportOptions]
    texts = {
        field["name"] for kind in kinds for field in describe(kind)
        if not field["choices"] and str in (field["type"], *typing.get_args(field["type"]))
    }
    assert texts - NO_PLACES == {*roots.PLACES, *roots.MODELS}


@pytest.mark.parametrize("inside", ["pairs.csv", "deep/pairs.csv", "deep/../deep", "stays/pairs.csv", "new/folder/x.csv", ".",
                                    "deep/{00000..00009}.tar", "{deep,stays}/*.csv"])
def test_places_below_a_root_are_allowed(root, inside):
    for name in (*roots.PLACES, *roots.MODELS):
        roots.check({name: inside})
        roots.check({name: str(root / inside)})


@pytest.mark.parametrize("outside", [
    "/etc/passwd", "..", "../outside/pairs.csv", "deep/../../outside", "leaves/pairs.csv", "leaves.csv", "/leaves/x.csv",
    "circle", "~root/x", "~nobody-of-that-name/x", "/proc/self/environ", "a\0b", "x" * 5000 + "/../../..", "//etc/passwd",
    "leaves/../pairs.csv", "lea*/pairs.csv", "l*.csv", "*/../../outside/*.csv", "{deep,leaves}/pairs.csv", "{deep,..}/x.tar",
    "deep/{0..9}/../../../{a,b}.tar", "{deep,lea*}/pairs.csv", "{deep,/etc}/passwd",
])
def test_places_outside_are_refused_in_a_sentence_that_tells_nothing_of_them(root, outside):
    for name in (*roots.PLACES, *roots.MODELS):
        with pytest.raises(OptionError) as refused:
            roots.check({name: outside})
        assert str(refused.value) == f"--{name.replace('_', '-')} must be in a folder that this app was started with: {root}."


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(["..", ".", "deep", "stays", "leaves", "pairs.csv", "", "~", "new"]), max_size=8))
def test_what_is_allowed_resolves_to_below_a_root(root, parts):
    typed = "/".join(parts)
    try:
        roots.check({"source": typed})
    except OptionError:
        return
    assert not typed or os.path.realpath(os.path.expanduser(typed)).startswith(str(root))


def test_a_model_of_the_hub_is_no_place_but_a_link_of_its_name_is(root):
    roots.check({"encoder": "openai/clip-vit-base-patch32", "model": "some/model.v2"})
    (root / "openai").mkdir()
    (root / "openai" / "clip").symlink_to(root.parent / "outside")
    for name in ("openai/clip", "../outside", "leaves/pairs.csv"):
        with pytest.raises(OptionError):
            roots.check({"encoder": name})
    with pytest.raises(OptionError):
        roots.check({"source": "leaves/no-such"})  # a file may come to be there


def test_a_pattern_of_too_many_files_is_refused(root):
    with pytest.raises(PairsError, match="stands for 1,000,000,000 files"):
        roots.check({"source": "deep/{0..999999999}.tar"})


def test_data_on_the_hub_is_no_place(root, monkeypatch):
    monkeypatch.chdir("/")
    for named in ("hf:owner/name", "hf:owner/name/config", "hf:owner/na.me-2/en_US"):
        roots.check({"source": named, "validation": named})
    monkeypatch.chdir(root)
    (root / "hf:owner" / "name").mkdir(parents=True)
    (root / "hf:owner" / "name" / "leaves").symlink_to(root.parent / "outside")
    for named in ("hf:owner/../../../outside", "hf:owner/name/../../../../outside", "hf:owner/name/leaves"):
        with pytest.raises(OptionError):
            roots.check({"source": named})


def test_a_shell_is_not_restricted(monkeypatch):
    for name in (roots.VARIABLE, roots.CLUSTERS):
        unset(monkeypatch, name)
    roots.check({"source": "/etc/passwd", "address": "elsewhere:6379"})


@pytest.mark.parametrize(("given", "allowed"), [("", []), ("ours:6379", ["ours:6379"]), ("a:1,http://b:2", ["a:1", "http://b:2"])])
def test_clusters_are_those_that_the_app_was_started_with(tmp_path, monkeypatch, given, allowed):
    monkeypatch.setenv(roots.CLUSTERS, given)
    workspace = fabricate(tmp_path / "demo", upto="pairs")
    for address in (*allowed, None):
        choose(workspace, EngineOptions(engine="ray", address=address))
        assert chosen(workspace).address == address
    for address in ("elsewhere:6379", "auto", "ours", ",", "a:1,http://b:2 "):
        with pytest.raises(OptionError, match="--address must be one that this app was started with"):
            choose(workspace, EngineOptions(engine="ray", address=address))
    assert chosen(workspace).address is None


def test_no_root_at_all_allows_nothing(monkeypatch):
    monkeypatch.setenv(roots.VARIABLE, "")
    with pytest.raises(OptionError, match="no folder at all"):
        roots.check({"source": "x"})


def test_a_job_that_names_a_place_outside_is_not_submitted(root, tmp_path):
    workspace = fabricate(root / "demo", upto="pairs")
    for command in (("import", {"source": "/etc/passwd"}), ("export", {"output": str(tmp_path / "outside" / "x.csv")})):
        with pytest.raises(OptionError, match="started with"):
            jobs.submit(workspace, [("cluster", None), command], "Something")
    assert not jobs.jobs(workspace)


@pytest.mark.parametrize(("only_here", "given", "expected"), [
    (True, None, ["workspaces", "home", "here"]), (False, None, ["workspaces"]), (True, "given", ["workspaces", "given"]),
    (False, "given", ["workspaces", "given"]), (True, "", ["workspaces"]),
])
def test_what_the_app_may_reach_is_settled_when_it_starts(tmp_path, monkeypatch, only_here, given, expected):
    folders = {name: tmp_path / name for name in ("workspaces", "home", "here", "given")}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.chdir(folders["here"])
    monkeypatch.setenv("HOME", str(folders["home"]))
    monkeypatch.setenv("INFLUENCESPACE_WORKSPACE", str(folders["workspaces"]))
    unset(monkeypatch, roots.VARIABLE)
    unset(monkeypatch, roots.CLUSTERS)
    if given is not None:
        monkeypatch.setenv(roots.VARIABLE, str(folders[given]) if given else "")
    monkeypatch.setattr(starting.login, "only_here", lambda: only_here)
    starting.settle_roots()
    assert roots.roots() == [folders[name] for name in expected]
    assert os.environ.get(roots.CLUSTERS) == (None if only_here else "")
