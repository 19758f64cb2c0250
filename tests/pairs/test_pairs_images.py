import hashlib
import os
import warnings

import pytest
from PIL import Image

from influencespace.pairs.images import check_images, locate
from influencespace.progress import silent


def problem(path):
    photo = check_images([str(path)], silent)[str(path)]
    return photo.problem, photo.detail


def photo(path, size=(32, 32), **options):
    Image.effect_noise(size, 60).save(path, **options)
    return path


def test_the_digest_is_that_of_the_bytes(tmp_path):
    path = photo(tmp_path / "a.png")
    found = check_images([str(path)], silent)[str(path)]
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    assert found.problem == ""


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp"])
def test_a_truncated_image_is_found(tmp_path, suffix):
    path = photo(tmp_path / f"a.{suffix}")
    assert problem(path)[0] == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert problem(path)[0] == "unreadable image"


def test_what_is_no_image_says_why(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("<html>404</html>")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert problem(tmp_path / "empty.jpg") == ("unreadable image", "the file is empty (0 bytes)")
    assert problem(tmp_path / "text.jpg") == ("unreadable image", "cannot identify image file")
    assert problem(tmp_path / "gone.jpg") == ("missing file", f"{tmp_path / 'gone.jpg'} does not exist")
    assert problem(tmp_path / "text.jpg" / "a.jpg")[0] == "missing file"
    assert problem(tmp_path) == ("not a file", "is a folder or a device")
    assert problem(tmp_path / "pipe.jpg") == ("not a file", "is a folder or a device")
    assert problem(tmp_path / ("x" * 300))[0] == "unreadable image"


@pytest.mark.parametrize("side", [12, 40])  # Pillow warns of the one and refuses the other
def test_a_decompression_bomb_is_a_problem_and_no_warning(tmp_path, monkeypatch, side):
    path = photo(tmp_path / "bomb.png", (side, side))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    before = list(warnings.filters)
    kind, detail = problem(path)
    assert kind == "oversized image"
    assert str(side * side) in detail
    assert warnings.filters == before


def test_each_file_is_decoded_once_and_progress_reaches_the_end(tmp_path, monkeypatch):
    paths = [str(photo(tmp_path / f"{i}.png", (4, 4))) for i in range(70)]
    opened, reports = [], []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda file: opened.append(file.name) or real(file))
    found = check_images(paths * 3, lambda done, total, what: reports.append((done, total)))
    assert sorted(opened) == sorted(paths)
    assert set(found) == set(paths)
    assert reports == [(64, 70), (70, 70)]


def test_cancelling_leaves_the_rest_undone(tmp_path, monkeypatch):
    paths = [str(photo(tmp_path / f"{i}.png", (2, 2))) for i in range(600)]
    opened = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda file: opened.append(file.name) or real(file))

    def cancel(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_images(paths, cancel)
    assert len(opened) < len(paths)


@pytest.mark.parametrize(
    "image",
    ["http://example.org/a.jpg", "s3://bucket/a.jpg", "data:image/png;base64,AAAA", "a\0b"],
)
def test_addresses_are_no_files(tmp_path, image):
    found = locate(image, tmp_path)
    assert (found.path, found.problem) == (None, "not a file")
    assert found.detail


@pytest.mark.parametrize(
    ("image", "path"), [("a.jpg", "FOLDER/a.jpg"), ("b/../c/./a.jpg", "FOLDER/c/a.jpg"), ("/x/../y/a.jpg", "/y/a.jpg"),
                        ("..a.jpg", "FOLDER/..a.jpg"), ("a: b, c.jpg", "FOLDER/a: b, c.jpg"),
                        ("../images/a.jpg", "PARENT/images/a.jpg"), ("b/../../a.jpg", "PARENT/a.jpg")]
)
def test_paths_are_relative_to_the_folder_or_absolute(tmp_path, image, path):
    expected = path.replace("FOLDER", str(tmp_path)).replace("PARENT", str(tmp_path.parent))
    assert locate(image, tmp_path).path == expected
