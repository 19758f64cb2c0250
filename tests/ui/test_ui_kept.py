"""What is shared between visitors is made once, and no more of it kept than fits."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from influencespace.ui.kept import Kept, size


def test_many_who_ask_at_once_get_what_is_made_once():
    kept, made, begun = Kept(1000), [], threading.Barrier(8)
    going = threading.Event()

    def make() -> np.ndarray:
        going.wait()
        made.append(1)
        return np.zeros(4)

    found = []

    def ask() -> None:
        begun.wait()
        found.append(kept.of("a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    going.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all(value is found[0] for value in found)


def test_the_latest_that_fit_are_kept_and_the_last_one_in_any_case():
    kept = Kept(100)
    for key in "abc":
        kept.of(key, lambda: np.zeros(40, np.uint8))
    assert [key in kept for key in "abc"] == [False, True, True]
    kept.of("b", lambda: pytest.fail("it is kept"))
    kept.of("d", lambda: np.zeros(40, np.uint8))
    assert [key in kept for key in "bcd"] == [True, False, True]
    kept.of("large", lambda: np.zeros(1000, np.uint8))
    assert [key in kept for key in "bcd"] == [False, False, False]
    assert "large" in kept
    assert kept.bytes == 1000


def test_an_error_is_raised_and_made_again_the_next_time():
    kept = Kept(100)
    with pytest.raises(ValueError, match="once"):
        kept.of("a", lambda: (_ for _ in ()).throw(ValueError("once")))
    assert "a" not in kept
    assert kept.of("a", lambda: 1) == 1


def test_the_size_of_a_result_is_that_of_its_arrays():
    @dataclass
    class Result:
        array: np.ndarray
        pair: tuple
        word: str

    table = pd.DataFrame({"a": np.zeros(10)})
    assert size(Result(np.zeros(10), (np.zeros(2, np.int8), b"abc"), "word")) == 85
    assert size(table) == 80
