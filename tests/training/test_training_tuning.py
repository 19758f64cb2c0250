import numpy as np
import pytest

from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.training.tuning import Trial, candidates, choose, tune

GRID = [Settings(1e-4, 3), Settings(1e-3, 3), Settings(1e-3, 10)]


def trial(rate, epochs, recall, spread=0.0, photos=100):
    """A setting whose photos score the recall (in percent), with this spread around it."""
    scores = np.full(photos, recall / 100) + spread * np.where(np.arange(photos) % 2, 1, -1)
    return Trial(Settings(rate, epochs), scores)


def test_a_clear_winner_is_chosen():
    trials = [trial(1e-4, 3, 40), trial(1e-3, 3, 60), trial(1e-2, 10, 50)]
    assert choose(trials) is trials[1]


def test_of_equal_settings_the_one_that_trains_most_is_chosen():
    trials = [trial(1e-4, 3, 60), trial(1e-2, 10, 60), trial(1e-3, 10, 60)]
    assert choose(trials) is trials[1]


@pytest.mark.parametrize(("recall", "chosen"), [(58.1, 1), (57.9, 0)])
def test_within_one_standard_error_of_the_best_counts_as_equal(recall, chosen):
    # 100 photos that deviate by 0.2: an error of two points.
    trials = [trial(1e-4, 3, 60, 0.2), trial(1e-2, 10, recall, 0.2)]
    assert choose(trials) is trials[chosen]


def test_a_setting_that_trains_less_is_taken_only_where_it_is_best():
    trials = [trial(1e-4, 3, 59, 0.2), trial(1e-2, 10, 60, 0.2)]
    assert choose(trials) is trials[1]


def test_one_photo_is_enough():
    assert choose([trial(1e-4, 3, 50, photos=1), trial(1e-3, 3, 60, photos=1)]).recall == pytest.approx(60)


def test_tuning_tries_the_whole_grid_once_and_takes_the_best():
    tried = []

    def scores_of(settings):
        tried.append(settings)
        return np.full(50, 0.9 if settings == GRID[1] else 0.1)

    chosen, trials = tune(GRID, scores_of)
    assert tried == GRID == [t.settings for t in trials]
    assert chosen == GRID[1]


def test_a_single_setting_is_taken_untried():
    assert tune(GRID[:1], lambda settings: pytest.fail("tried")) == (GRID[0], [])


def test_what_the_options_fix_is_not_tried_in_other_ways():
    assert candidates(GRID, TrainOptions()) == GRID
    assert candidates(GRID, TrainOptions(epochs=7)) == [Settings(1e-4, 7), Settings(1e-3, 7)]
    fixed = TrainOptions(epochs=2, learning_rate=5e-3, batch=32, joint_dimensions=64, patience=3)
    assert candidates(GRID, fixed) == [Settings(5e-3, 2, 32, dimensions=64, patience=3)]
