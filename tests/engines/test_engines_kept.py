"""Pieces are kept as they come, whatever happens to the process or the file, and no other recipe finds them."""

import contextlib
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from influencespace.engines import HERE, kept
from influencespace.engines.kept import Keeping, Pieces

RECIPE = {"options": {"folds": 5}, "inputs": {"pairs": "1"}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Every piece is written as soon as it is there."""
    monkeypatch.setattr(kept, "EVERY", 0)
    monkeypatch.setattr(kept, "WORTH", 0)


class Squares:
    """A piece is the square of its number, and notes that it was computed."""

    def __init__(self, dies=None):
        self.begun, self.dies = [], dies

    def __call__(self, pieces):
        for piece in pieces:
            self.begun.append(piece)
            if piece == self.dies:
                raise KeyboardInterrupt
            yield {"square": float(piece * piece), "values": np.full((piece, 2), piece, dtype=np.float32)}


def squares(folder, recipe=RECIPE, count=6, dies=None):
    """The squares, and which of them were computed."""
    work, found = Squares(dies), []
    with contextlib.suppress(KeyboardInterrupt):
        found = list(Keeping(HERE, Pieces(folder, recipe)).map(work, count))
    return found, work.begun


def whole(found):
    return [piece["square"] for piece in found] == [0, 1, 4, 9, 16, 25] and all(
        piece["values"].tolist() == [[k, k]] * k and piece["values"].dtype == np.float32 for k, piece in enumerate(found)
    )


def test_a_run_that_breaks_off_goes_on_with_the_piece_it_broke_off_in(tmp_path):
    assert squares(tmp_path, dies=3)[1] == [0, 1, 2, 3]
    found, begun = squares(tmp_path)
    assert begun == [3, 4, 5] and whole(found)
    assert squares(tmp_path)[1] == []


def test_what_is_torn_at_the_end_is_cut_off_and_made_again(tmp_path):
    squares(tmp_path, dies=4)
    (file,) = tmp_path.iterdir()
    for cut in (1, file.stat().st_size // 4):
        os.truncate(file, file.stat().st_size - cut)
        found, begun = squares(tmp_path, dies=4)
        assert begun[-1] == 4 and len(begun) > 1
    found, begun = squares(tmp_path)
    assert begun == [4, 5] and whole(found)


@pytest.mark.parametrize("place", range(0, 1100, 97))
def test_a_byte_that_changed_costs_pieces_and_no_wrong_one_is_taken(tmp_path, place):
    squares(tmp_path)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    found, begun = squares(tmp_path)
    assert begun and whole(found)
    found, begun = squares(tmp_path)
    assert begun == [] and whole(found)


def test_a_damaged_entry_costs_itself_alone(tmp_path):
    squares(tmp_path)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    file.write_bytes(data.replace(np.full(4, 2, dtype=np.float32).tobytes(), np.full(4, 7, dtype=np.float32).tobytes(), 1))
    found, begun = squares(tmp_path)
    assert begun == [2] and whole(found)


@pytest.mark.parametrize("other", [
    RECIPE | {"options": {"folds": 4}}, RECIPE | {"inputs": {"pairs": "2"}}, RECIPE | {"device": "cuda"},
])
def test_another_recipe_finds_nothing_and_removes_what_was_there(tmp_path, other):
    squares(tmp_path, dies=3)
    assert squares(tmp_path, recipe=other, dies=2)[1] == [0, 1, 2]
    assert len(list(tmp_path.iterdir())) == 1
    assert squares(tmp_path, dies=2)[1] == [0, 1, 2]


def test_other_code_finds_nothing(tmp_path, monkeypatch):
    squares(tmp_path)
    code = kept._code()["code"]
    assert len(code) > 100
    monkeypatch.setattr(kept, "_code", lambda: {"code": code[:-1]})
    assert squares(tmp_path)[1] == list(range(6))


def test_another_number_of_pieces_is_another_work(tmp_path):
    squares(tmp_path)
    assert squares(tmp_path, count=5)[1] == list(range(5))


def test_works_and_steps_of_one_name_are_told_apart_by_their_order(tmp_path):
    def run(dies):
        done, keeping = [], Keeping(HERE, Pieces(tmp_path, RECIPE))

        def step(number):
            done.append(number)
            if number == dies:
                raise KeyboardInterrupt
            return {"number": number}

        with contextlib.suppress(KeyboardInterrupt):
            found = [keeping.once("step", lambda: step(0)), *keeping.map(Squares(), 2), keeping.once("step", lambda: step(2))]
            assert [piece.get("number", piece.get("square")) for piece in found] == [0, 0, 1, 2]
        return done

    assert run(dies=2) == [0, 2]
    assert run(dies=None) == [2]


def test_what_is_taken_over_tells_how_long_it_took_and_nothing_else_does(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(kept.time, "perf_counter", lambda: now[0])

    class Slow(Squares):
        def __call__(self, pieces):
            for found in super().__call__(pieces):
                now[0] += 2.5
                yield found

    def run(dies=None):
        engine = Keeping(HERE, Pieces(tmp_path, RECIPE))
        with contextlib.suppress(KeyboardInterrupt):
            assert whole(list(engine.map(Slow(dies), 6)))
        return engine.spared

    assert run(dies=4) == 0
    assert run() == 4 * 2.5
    assert run() == 6 * 2.5


def test_pieces_are_written_together_once_that_costs_next_to_nothing(tmp_path, monkeypatch):
    now = [0.0]

    @contextlib.contextmanager
    def slow_disk():
        yield
        now[0] += 0.5

    monkeypatch.setattr(kept, "EVERY", 0.5)
    monkeypatch.setattr(kept, "WORTH", 2)
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    pieces, written = Pieces(tmp_path, RECIPE, slow_disk), []
    for number in range(8):
        now[0] += 0.25
        pieces.keep(str(number), {"number": number})
        written.append(len(Pieces(tmp_path, RECIPE).names()))
    # First what took half a second, then what took twice as long as the half second of writing.
    assert written == [0, 2, 2, 2, 2, 6, 6, 6]


def test_nothing_is_written_where_nothing_is_worth_it(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 3600)
    squares(tmp_path / "none")
    assert not (tmp_path / "none").exists()


ARRAYS = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.int8, np.uint8, bool]), arrays.array_shapes(min_dims=0, min_side=0)
)


@settings(max_examples=30)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), ARRAYS, min_size=1, max_size=3))
def test_what_is_read_is_what_was_kept(tmp_path_factory, piece):
    folder = tmp_path_factory.mktemp("pieces")
    Pieces(folder, RECIPE).keep("a name\twith a tab", piece)
    found = Pieces(folder, RECIPE).get("a name\twith a tab")
    assert found.keys() == piece.keys()
    for key, value in piece.items():
        np.testing.assert_array_equal(found[key], value)
        assert np.asarray(found[key]).dtype == value.dtype
