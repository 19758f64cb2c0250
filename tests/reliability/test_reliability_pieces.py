"""Stages that break off go on with the piece at hand, come to the same bytes, and leave nothing behind."""

import itertools
import json
import shutil
import threading
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoder_cases import make_encoder, make_photos, make_table
from engine_cases import SMALL, copied_workspace, shared_workspace

from influencespace.clusters import projection
from influencespace.clusters.options import ClusterOptions
from influencespace.engines import Here, kept
from influencespace.engines.kept import Some
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.features import duplicates
from influencespace.features.options import EmbedOptions
from influencespace.influence.options import ScoreOptions
from influencespace.integrity import listing
from influencespace.options import Options
from influencespace.pairs import images
from influencespace.pairs.options import ImportOptions
from influencespace.proxy.options import ProxyOptions
from influencespace.stages import STAGES, run_stages
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.workspace import NEEDS, Workspace

ONE = Settings(1e-2, 2, 64, dimensions=16)
OPTIONS = SMALL | {
    "embed": EmbedOptions(),
    "train": TrainOptions(arms=("influence", "random", "agreement"), seeds=3),
    "ablate": AblationOptions(knobs=("cap", "rank", "folds"), cap=(1.0,), rank=(2,), folds=(3,), seeds=2),
    "proxy": ProxyOptions(folds=2, repeats=2, dimensions=16, batch_size=64),  # chooses its ridge
    "cluster": ClusterOptions(topics=4, strata=5, sample=100),
}
# The same stage with other options.
OTHER = {"proxy": ProxyOptions(folds=2, repeats=2, dimensions=8, batch_size=64), "score": ScoreOptions(rank=8)}


@pytest.fixture(scope="module", autouse=True)
def planted(tmp_path_factory):
    """What others share too is made as it is, before anything is put in place of what it is made with."""
    shared_workspace(tmp_path_factory)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Every piece is written as soon as it is there, and a map is drawn at once."""
    monkeypatch.setattr(kept, "EVERY", 0)
    monkeypatch.setattr(kept, "WORTH", 0)
    monkeypatch.setattr("influencespace.training.heads.HeadsTrainer.grid", lambda trainer: [ONE])
    monkeypatch.setattr(duplicates, "BLOCK", 32)
    monkeypatch.setattr(projection, "CHUNK", 50)
    monkeypatch.setattr(projection, "_umap", lambda points, near, distance, seed: points[:, :2] + distance[:, 1:2])


@pytest.fixture
def computed(monkeypatch):
    """What is computed, in its order."""
    begun = []
    mapped, once = Here.map, Here.once

    def noted(work):
        def noting(pieces):
            for piece in pieces:
                if isinstance(work, Some):  # batches of photos and captions keep themselves
                    begun.append(f"{type(work.work).__name__} {work.which[piece]}")
                yield piece

        return lambda pieces: work(noting(pieces))

    monkeypatch.setattr(Here, "map", lambda self, work, count: mapped(self, noted(work), count))
    monkeypatch.setattr(Here, "once", lambda self, step, make: (begun.append(step), once(self, step, make))[1])
    return begun


def lacking(tmp_path_factory, path, name):
    """A workspace that lacks a stage and all that is made from it."""
    workspace, _ = copied_workspace(tmp_path_factory, path)
    made = STAGES[name].artifact
    for artifact in NEEDS:
        if artifact == made or made in NEEDS[artifact]:
            shutil.rmtree(workspace.path / artifact, ignore_errors=True)
    return workspace


def broken_off(workspace, name, options, monkeypatch, after):
    """Run a stage until so many pieces are kept, or to its end."""
    keep, done = kept.Pieces.keep, []

    def kept_then_dies(self, piece, found):
        keep(self, piece, found)
        done.append(piece)
        if len(done) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kept.Pieces, "keep", kept_then_dies)
        with pytest.raises(KeyboardInterrupt):
            run_stages(workspace, {name: options})
    for thread in threading.enumerate():
        if thread.name.startswith("ahead-"):  # which finish the photo at hand
            thread.join(10)


def files(workspace, name):
    return listing(workspace.path / STAGES[name].artifact)


@pytest.mark.parametrize("name", ["embed", "proxy", "cluster", "score", "effects", "verify"])
def test_a_stage_goes_on_with_the_piece_at_hand_and_comes_to_the_same(
    tmp_path_factory, tmp_path, monkeypatch, computed, name
):
    whole = lacking(tmp_path_factory, tmp_path / "whole", name)
    run_stages(whole, {name: OPTIONS[name]})
    pieces, expected = list(computed), files(whole, name)
    assert len(pieces) >= 5
    workspace = lacking(tmp_path_factory, tmp_path / "killed", name)
    for done in (1, len(pieces) // 2 - 1, 1):  # killed again and again
        broken_off(workspace, name, OPTIONS[name], monkeypatch, done)
        assert workspace.state(STAGES[name].artifact) == "missing" and workspace.check() == {}
    computed.clear()
    run_stages(workspace, {name: OPTIONS[name]})
    assert computed == pieces[len(pieces) // 2 + 1 :]
    assert files(workspace, name) == expected
    assert not (workspace.path / "cache" / "pieces" / STAGES[name].artifact).exists()


@pytest.mark.parametrize("name", ["train", "ablate"])
def test_what_a_seed_draws_anew_goes_on_with_the_piece_at_hand(tmp_path_factory, tmp_path, monkeypatch, computed, name):
    """Also where another arm asks first, because the one that asked before is finished."""
    whole, workspace = (lacking(tmp_path_factory, tmp_path / path, name) for path in ("whole", "killed"))
    run_stages(whole, {name: OPTIONS[name]})
    pieces, made = list(computed), STAGES[name].artifact
    for done in (1, 4, len(pieces) // 2, 1):
        broken_off(workspace, name, OPTIONS[name], monkeypatch, done)
    computed.clear()
    run_stages(workspace, {name: OPTIONS[name]})
    assert computed == pieces[len(pieces) // 2 + 6 :] != []
    for table in ("ranks", "photos"):
        assert workspace.artifact(made).table(table).equals(whole.artifact(made).table(table))
    for seconds in (found.artifact(made).table("runs")["scoring_seconds"] for found in (whole, workspace)):
        assert (seconds >= 0).all()
    assert not list((workspace.path / "cache").rglob("drawing=*"))


@pytest.mark.parametrize("name", OTHER)
def test_nothing_is_taken_over_under_other_options(tmp_path_factory, tmp_path, monkeypatch, computed, name):
    workspace = lacking(tmp_path_factory, tmp_path / "w", name)
    broken_off(workspace, name, OPTIONS[name], monkeypatch, 3)
    computed.clear()
    run_stages(workspace, {name: OTHER[name]})
    again = list(computed)
    shutil.rmtree(workspace.path / STAGES[name].artifact)
    computed.clear()
    run_stages(workspace, {name: OTHER[name]})
    assert again == computed


def test_nothing_is_taken_over_from_other_inputs(tmp_path_factory, tmp_path, monkeypatch, computed):
    workspace = lacking(tmp_path_factory, tmp_path / "w", "score")
    broken_off(workspace, "score", OPTIONS["score"], monkeypatch, 3)
    run_stages(workspace, {"cluster": OPTIONS["cluster"]})
    computed.clear()
    run_stages(workspace, {"score": OPTIONS["score"]})
    assert computed[0] == "Solving 0"


def test_the_time_of_what_is_taken_over_counts(tmp_path_factory, tmp_path, monkeypatch, computed):
    workspace, clock = lacking(tmp_path_factory, tmp_path / "w", "proxy"), itertools.count(0, 100)
    with monkeypatch.context() as patch:
        patch.setattr(kept.time, "perf_counter", lambda: float(next(clock)))  # 100 seconds a piece
        broken_off(workspace, "proxy", OPTIONS["proxy"], monkeypatch, 3)
    computed.clear()
    run_stages(workspace, {"proxy": OPTIONS["proxy"]})
    assert computed[0] != "Fits 0" and 300 <= workspace.artifact("proxy").record["seconds"] < 400


def test_a_damaged_piece_is_computed_again(tmp_path_factory, tmp_path, monkeypatch, computed):
    whole, workspace = (lacking(tmp_path_factory, tmp_path / path, "verify") for path in ("whole", "killed"))
    run_stages(whole, {"verify": OPTIONS["verify"]})
    broken_off(workspace, "verify", OPTIONS["verify"], monkeypatch, 3)
    (file,) = (workspace.path / "cache" / "pieces" / "verification").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    computed.clear()
    run_stages(workspace, {"verify": OPTIONS["verify"]})
    assert computed == [*(f"Retraining {k}" for k in (1, 3, 4, 5)), *(f"Retraining {k}" for k in range(4))]
    assert files(workspace, "verify") == files(whole, "verify")


@pytest.mark.parametrize("seed", [0, 1])
def test_near_duplicates_are_looked_for_again_if_another_encoder_has_taken_the_name(tmp_path, monkeypatch, computed, seed):
    workspace = Workspace(tmp_path / "w", create=True)
    captions = [f"a red dog runs {i}" for i in range(40)]
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", make_table(make_photos(tmp_path / "photos", 40), captions))
    options = EmbedOptions(encoder=str(make_encoder("clip", tmp_path / "encoder")), device="cpu")
    monkeypatch.setattr(duplicates, "BLOCK", 8)
    broken_off(workspace, "embed", options, monkeypatch, 2)
    make_encoder("clip", tmp_path / "encoder", seed)
    computed.clear()
    run_stages(workspace, {"embed": options})
    assert computed[0] == ("Linking 2" if seed == 0 else "Linking 0")


@pytest.fixture
def examined(monkeypatch):
    """The photos that are decoded."""
    decoded, examine = [], images._examine
    monkeypatch.setattr(images, "_examine", lambda path: (decoded.append(path), examine(path))[1])
    return decoded


def test_an_import_decodes_only_photos_that_were_not_decoded_before_or_have_changed(tmp_path, monkeypatch, examined):
    paths = make_photos(tmp_path / "photos", 40)
    paths[5].write_bytes(paths[5].read_bytes()[:50])
    table = tmp_path / "pairs.jsonl"
    rows = [{"image": str(path), "caption": f"a red dog runs {i}"} for i, path in enumerate(paths)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ImportOptions(source=str(table))
    whole, workspace = (Workspace(tmp_path / name, create=True) for name in ("whole", "killed"))
    run_stages(whole, {"import": options})
    broken_off(workspace, "import", options, monkeypatch, 2)  # two pieces of 16 whole photos
    paths[3].write_bytes(paths[3].read_bytes())  # as good as another one
    examined.clear()
    run_stages(workspace, {"import": options})
    # Photo 5 is damaged and so looked at again; so is what came after the first 33, and what was written to.
    assert sorted(examined) == sorted(str(path) for path in [paths[3], paths[5], *paths[33:]])
    assert files(workspace, "import") == files(whole, "import")
    assert not (workspace.path / "cache" / "pieces" / "pairs").exists()


@pytest.mark.parametrize("altered", ["", "altered", "unreadable"])
def test_images_inside_a_table_are_not_decoded_again_unless_their_copy_was_altered(tmp_path, monkeypatch, examined, altered):
    paths = make_photos(tmp_path / "photos", 40)
    table = tmp_path / "pairs.parquet"
    captions = [f"a red dog runs {i}" for i in range(40)]
    pq.write_table(pa.table({"image": [path.read_bytes() for path in paths], "caption": captions}), table)
    workspace, options = Workspace(tmp_path / "w", create=True), ImportOptions(source=str(table))
    broken_off(workspace, "import", options, monkeypatch, 2)
    (copy,) = (workspace.path / "cache" / "images").iterdir()
    if altered == "altered":
        copy.write_bytes(copy.read_bytes()[::-1])
    elif altered:
        monkeypatch.setattr("influencespace.pairs.kept.filecmp.cmp", Mock(side_effect=OSError("bad sector")))
    examined.clear()
    run_stages(workspace, {"import": options})
    assert len(examined) == (40 if altered else 40 - 2 * images.PIECE)
    assert len(workspace.artifact("pairs").table("pairs")) == 40 and len(workspace.artifact("pairs").table("problems")) == 0
