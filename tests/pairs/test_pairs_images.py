import hashlib
import os
import warnings

import pytest
from PIL import Image

from influencespace.pairs.images import Finder, check_images
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
    monkeypatch.setattr(Image, "open", lambda file, formats: opened.append(file.name) or real(file))
    found = check_images(paths * 3, lambda done, total, what: reports.append((done, total)))
    assert sorted(opened) == sorted(paths)
    assert set(found) == set(paths)
    assert reports == [(64, 70), (70, 70)]


def test_cancelling_leaves_the_rest_undone(tmp_path, monkeypatch):
    paths = [str(photo(tmp_path / f"{i}.png", (2, 2))) for i in range(600)]
    opened = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda file, formats: opened.append(file.name) or real(file))

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
    found = Finder(tmp_path)(image)
    assert (found.path, found.problem) == (None, "not a file")
    assert found.detail


@pytest.mark.parametrize(
    ("image", "path"), [("a.jpg", "a.jpg"), ("b/../c/./a.jpg", "c/a.jpg"), ("..a.jpg", "..a.jpg"),
                        ("a: b, c.jpg", "a: b, c.jpg"), ("b/../../pairs/a.jpg", "a.jpg")]
)
def test_paths_are_relative_to_the_folder_of_the_table(tmp_path, image, path):
    assert Finder(tmp_path / "pairs")(image).path == str(tmp_path / "pairs" / path)
    assert Finder(tmp_path / "pairs")(str(tmp_path / "pairs" / image)).path == str(tmp_path / "pairs" / path)


@pytest.mark.parametrize(
    "image", ["../images/a.jpg", "/etc/passwd", "../pairs.jpg", "..", "b/../../a.jpg", "link/a.jpg", "a.link"]
)
def test_what_lies_outside_of_the_folder_is_refused_with_what_to_do(tmp_path, image):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/link").symlink_to(tmp_path)
    (tmp_path / "pairs/a.link").symlink_to("/etc/passwd")
    (tmp_path / "a.jpg").touch()
    found = Finder(tmp_path / "pairs")(image)
    assert (found.path, found.problem) == (None, "outside the source")
    assert f"outside of {tmp_path}/pairs" in found.detail
    assert "--images" in found.detail


def test_a_table_beside_its_images_needs_only_the_folder_above_both(tmp_path):
    finder = Finder(tmp_path / "annotations", tmp_path)
    assert finder("images/a.jpg").path == str(tmp_path / "images/a.jpg")
    assert finder("../images/a.jpg").path == str(tmp_path / "images/a.jpg")
    assert finder(str(tmp_path / "images/a.jpg")).path == str(tmp_path / "images/a.jpg")
    assert finder("../../a.jpg").problem == "outside the source"


def test_the_folder_of_images_may_be_a_link_and_hold_links_to_itself(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/a.jpg").touch()
    (tmp_path / "disk/b.jpg").symlink_to("a.jpg")
    (tmp_path / "images").symlink_to(tmp_path / "disk")
    assert Finder(tmp_path, tmp_path / "images")("b.jpg").path == str(tmp_path / "images/b.jpg")


def test_formats_that_start_other_programs_are_no_images(tmp_path):
    path = photo(tmp_path / "a.eps")
    assert problem(path) == ("unreadable image", "cannot identify image file")
