"""What trained models are asked: questions of a workspace, why some cannot be asked, and features of what is asked."""

import numpy as np
import pytest
import torch
from encoder_cases import make_encoder, make_photos, make_table

from influencespace.errors import FeaturesError, TrainingError
from influencespace.features import encoder as encoders
from influencespace.features.corruptions import CORRUPTIONS, corrupt, mistype
from influencespace.features.options import EmbedOptions
from influencespace.features.photos import load_photo
from influencespace.features.stage import embed
from influencespace.metrics.ranking import NEUTRAL_QUERIES
from influencespace.options import Options
from influencespace.pairs.views import heldout
from influencespace.training.options import TrainOptions
from influencespace.training.probe_features import ProbeFeatures
from influencespace.training.probes import NEUTRAL, PHRASES, ROBUSTNESS, TYPOS, ZERO_SHOT, Photos, Probes
from influencespace.workspace import Workspace

CPU = torch.device("cpu")
CAPTIONS = ["a red ball", "the blue photo", "a dog sleeps"]
PLACES = ["north", "south", "unknown"]


def write_pairs(path, photos=True, groups=("north", "south")):
    """12 training, 6 validation and 6 test photos, the last with two captions each."""
    files = make_photos(path / "images", 24)
    table = make_table([*files, *files[18:]], [CAPTIONS[i % 3] for i in range(30)])
    table["split"] = ["train"] * 12 + ["validation"] * 6 + ["test"] * 12
    table["group.place"] = [PLACES[int(photo) % 3] for photo in table["photo"]]
    table["meta.animal"] = [("cat", "dog", None)[int(photo) % 3] for photo in table["photo"]]
    if not photos:
        table["image_path"] = None
    workspace = Workspace(path / "w", create=True)
    with workspace.write("pairs", Options()) as draft:
        draft.table("pairs", table)
        draft.facts = {"groups": {"place": list(groups)}}
    return workspace, table


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    path = tmp_path_factory.mktemp("probes")
    workspace, table = write_pairs(path)
    folder = make_encoder("clip", path / "encoder")
    embed(workspace, EmbedOptions(encoder=str(folder), device="cpu"))
    return workspace, table, folder


def asked(workspace, table, **options):
    return Probes.of(workspace, heldout(table, "test"), TrainOptions(**options))


def test_by_default_neutral_phrases_are_asked_of_the_test_photos_and_the_rest_says_why_not(embedded):
    workspace, table, _ = embedded
    probes = asked(workspace, table)
    assert list(probes.questions) == [PHRASES]
    question = probes.questions[PHRASES]
    assert [path.stem for path in question.photos.paths] == [str(i) for i in range(18, 24)]
    assert question.captions == list(NEUTRAL_QUERIES) and set(question.photo) == {-1}
    assert set(probes.unmeasured) == {ZERO_SHOT, ROBUSTNESS}
    assert "--labels" in probes.unmeasured[ZERO_SHOT] and "--robustness" in probes.unmeasured[ROBUSTNESS]


def test_labels_become_prompts_and_unlabelled_photos_stay_without(embedded):
    workspace, table, _ = embedded
    phrases = asked(workspace, table, labels="meta.animal").phrases
    assert phrases.classes == ["cat", "dog"]
    assert phrases.captions[len(NEUTRAL_QUERIES) :] == ["a photo of a cat", "a photo of a dog"]
    assert phrases.codes.tolist() == [0, 1, -1, 0, 1, -1]
    # Values of groups serve as labels too, and "unknown" is none.
    assert asked(workspace, table, labels="group.place").phrases.classes == ["north", "south"]


@pytest.mark.parametrize("column", ["meta.nothing", "caption"])
def test_a_column_that_is_none_of_the_pairs_is_an_error_that_names_those_there_are(embedded, column):
    with pytest.raises(TrainingError, match=rf"--labels {column}: there is no such column.*group\.place, meta\.animal"):
        asked(*embedded[:2], labels=column)


def test_one_class_is_not_enough(embedded):
    workspace, table, _ = embedded
    with pytest.raises(TrainingError, match="have 1 class; it takes two"):
        Probes.of(_with(workspace, table.assign(**{"meta.animal": "cat"})), heldout(table, "test"),
                  TrainOptions(labels="meta.animal"))


def _with(workspace, table):
    class Other:
        def artifact(self, name):
            made = workspace.artifact(name)
            return type("Pairs", (), {"facts": made.facts, "table": lambda self, name: table})()

    return Other()


def test_robustness_asks_every_damage_of_the_photos_and_of_the_captions(embedded):
    workspace, table, _ = embedded
    probes, test = asked(workspace, table, robustness=True), heldout(table, "test")
    assert set(probes.questions) == {PHRASES, TYPOS, *CORRUPTIONS}
    captions = table["caption"].to_numpy()[test.rows].tolist()
    for name in CORRUPTIONS:
        assert probes.questions[name].photos.corruption == name
        assert probes.questions[name].captions == captions
        assert np.array_equal(probes.questions[name].photo, test.photo)
    assert probes.questions[TYPOS].captions == [mistype(caption) for caption in captions]
    assert probes.questions[TYPOS].photos.corruption is None


def test_without_photos_or_groups_or_an_encoder_there_is_a_word_why(tmp_path, embedded):
    probes = asked(*write_pairs(tmp_path / "a", photos=False), robustness=True)
    assert probes.questions == {} and "came without their photos" in probes.unmeasured[ROBUSTNESS]
    probes = asked(*write_pairs(tmp_path / "b", groups=("north",)))
    assert probes.questions == {} and "two groups" in probes.unmeasured[NEUTRAL]

    class Imported:
        name = "heads"

        def probe(self, *asked):
            return None

    probes = asked(*embedded[:2], robustness=True)
    assert probes.ask(Imported(), None) == {}
    assert "features were imported" in probes.unmeasured[ROBUSTNESS] and "features were imported" in probes.unmeasured[NEUTRAL]
    assert "--labels" in probes.unmeasured[ZERO_SHOT]


def test_an_encoder_that_is_gone_is_a_reason_and_no_failure(embedded):
    class Gone:
        name = "heads"

        def probe(self, *asked):
            raise FeaturesError("The encoder x cannot be used.")

    probes = asked(*embedded[:2])
    assert probes.ask(Gone(), None) == {}
    assert probes.unmeasured[NEUTRAL] == "The encoder x cannot be used."


def test_photos_as_they_are_have_their_stored_features_and_damaged_ones_those_of_the_encoder(embedded):
    workspace, table, folder = embedded
    features, test = ProbeFeatures(workspace, CPU), heldout(table, "test")
    paths = asked(workspace, table).questions[PHRASES].photos.paths
    image, text = features(Photos(paths), ["a dog", "a cat runs"])
    stored = workspace.artifact("features").array("image")[test.image_rows].astype(np.float32)
    expected = features._prepared("image", stored)
    assert torch.equal(image, expected)
    encoder = encoders.load_encoder(str(folder), CPU)
    damaged = features(Photos(paths, "blur"), ["a dog"])[0]
    again = encoder.embed_photos([encoder.prepare(corrupt(load_photo(str(path)), "blur")) for path in paths])
    assert damaged.numpy() == pytest.approx(features._prepared("image", again.astype(np.float16)).numpy(), abs=1e-3)
    assert text.shape[0] == 2 and not torch.equal(damaged, image)


def test_what_was_embedded_once_is_not_embedded_again_and_goes_on_where_it_stopped(embedded, monkeypatch):
    workspace, table, _ = embedded
    paths = asked(workspace, table).questions[PHRASES].photos.paths
    whole = ProbeFeatures(workspace, CPU)(Photos(paths, "jpeg"), list(NEUTRAL_QUERIES))
    loaded = []
    load = encoders.load_encoder
    monkeypatch.setattr(encoders, "load_encoder", lambda *a: loaded.append(a) or load(*a))
    again = ProbeFeatures(workspace, CPU)(Photos(paths, "jpeg"), list(NEUTRAL_QUERIES))
    assert loaded == [] and all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))
    kept = sorted(workspace.private("probes").rglob("*.f16"), key=lambda file: file.stat().st_mtime)
    for file in kept:
        with file.open("r+b") as torn:
            torn.truncate(file.stat().st_size // 2 + 3)
    told = []
    after = ProbeFeatures(workspace, CPU, lambda *report: told.append(report))(Photos(paths, "jpeg"), list(NEUTRAL_QUERIES))
    assert len(loaded) == 1 and (6, 6, "embedding photos with jpeg on cpu") in told
    for one, other in zip(whole, after, strict=True):
        assert other.numpy() == pytest.approx(one.numpy(), abs=2e-3)


def test_another_encoder_under_the_same_name_is_refused(tmp_path):
    workspace, _ = write_pairs(tmp_path)
    folder = make_encoder("clip", tmp_path / "encoder")
    embed(workspace, EmbedOptions(encoder=str(folder), device="cpu"))
    make_encoder("clip", folder, seed=1)
    with pytest.raises(FeaturesError, match="not the one any more that made the features"):
        ProbeFeatures(workspace, CPU)(Photos([]), ["a dog"])


def test_imported_features_have_no_encoder(tmp_path):
    workspace, table = write_pairs(tmp_path)
    with workspace.write("features", Options()) as draft:
        for side in ("image", "text"):
            draft.array(side, np.ones((len(table), 4), dtype=np.float16))
        draft.facts = {"encoder": "imported", "aligned": True}
    assert not ProbeFeatures(workspace, CPU).possible
