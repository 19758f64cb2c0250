import json

import pytest

from influencespace.errors import PairsError
from influencespace.pairs.documents import read_document
from influencespace.pairs.problems import Problems


def write(tmp_path, images, annotations):
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    return path


def test_annotations_are_joined_with_their_images(tmp_path):
    path = write(
        tmp_path,
        [{"id": 5, "file_name": "5.jpg", "width": 640}, {"id": 6, "file_name": "6.jpg", "width": 320}],
        [{"id": 1, "image_id": 6, "caption": "six"}, {"id": 2, "image_id": 5, "caption": "five"},
         {"id": 3, "image_id": 6, "caption": "six again"}],
    )
    records = read_document(path, Problems())
    assert records.format == "coco"
    assert records.columns.select(["id", "file_name", "width", "caption"]).to_pylist() == [
        {"id": 1, "file_name": "6.jpg", "width": 320, "caption": "six"},
        {"id": 2, "file_name": "5.jpg", "width": 640, "caption": "five"},
        {"id": 3, "file_name": "6.jpg", "width": 320, "caption": "six again"},
    ]


def test_an_annotation_without_its_image_is_a_problem(tmp_path):
    path = write(tmp_path, [{"id": "5", "file_name": "5.jpg"}, {"id": None, "file_name": "6.jpg"}],
                 [{"image_id": 5, "caption": "x"}, {"image_id": 9, "caption": "y"}, "text", {}])
    problems = Problems()
    assert read_document(path, problems).rows.tolist() == [1]
    assert problems.table()[["row", "detail"]].to_numpy().tolist() == [
        [2, "no image has the id 9"], [3, "an annotation without named values"],
        [4, "no image has the id None"],
    ]


def test_coco_without_annotations_is_an_error(tmp_path):
    with pytest.raises(PairsError, match="holds no captions"):
        read_document(write(tmp_path, [], []), Problems())


def test_pairs_from_coco(tmp_path, draw_photos, read):
    names = draw_photos(10)
    path = write(tmp_path, [{"id": i, "file_name": name} for i, name in enumerate(names)],
                 [{"id": 100 + i, "image_id": i % 10, "caption": f"caption {i}"} for i in range(20)])
    pairs = read(path, holdout=0.4)
    assert pairs.facts["format"] == "coco"
    assert pairs.facts["photos"] == {"train": 6, "validation": 2, "test": 2}
    assert pairs.facts["counts"] == {"train": 12, "validation": 4, "test": 4}
    assert pairs.table["id"].tolist() == [str(i + 1) for i in range(20)]
    first = read(path, holdout=0.4, captions="first", id_column="id")
    train = first.table[first.table["split"] == "train"]
    assert len(train) == 6
    assert train["id"].astype(int).max() < 110
