"""When a step will be done, against the clock."""

import pytest

from influencespace.jobs.pace import Pace


def test_nothing_is_foretold_before_three_seconds_and_a_twentieth():
    pace = Pace()
    assert pace.due(0, 100, 50.0) is None
    assert pace.due(20, 100, 52.0) is None  # two seconds
    assert pace.due(21, 100, 60.0) == pytest.approx(60 + 10 / 21 * 79)
    slow = Pace()
    slow.due(0, 100, 0.0)
    assert slow.due(5, 100, 50.0) is None  # a twentieth, and not more
    assert slow.due(6, 100, 60.0) == 60 + 940


def test_it_does_not_drift_while_one_piece_takes_its_time():
    pace = Pace()
    pace.due(0, 4, 0.0)
    assert pace.due(1, 4, 10.0) == pace.due(1, 4, 19.0) == 40.0
    assert pace.due(2, 4, 30.0) == 60.0


def test_what_was_done_before_does_not_count():
    pace = Pace()
    pace.due(12, 25, 100.0)
    assert pace.due(13, 25, 110.0) == 110 + 12 * 10


@pytest.mark.parametrize("following", [(0, 30), (1, 25)], ids=["another total", "a lower count"])
def test_a_new_step_has_a_pace_of_its_own(following):
    pace = Pace()
    pace.due(0, 25, 0.0)
    assert pace.due(5, 25, 50.0) == 250.0
    assert pace.due(*following, 51.0) is None


def test_the_word_of_the_work_itself_counts_until_the_step_ends():
    pace = Pace()
    pace.due(0, 25, 0.0)
    pace.expect(70.0)
    assert pace.due(5, 25, 50.0) == 70.0
    pace.expect(80.0)
    assert pace.due(6, 25, 60.0) == 80.0
    assert pace.due(0, 2, 61.0) is None
    assert pace.due(1, 2, 65.0) == 69.0
