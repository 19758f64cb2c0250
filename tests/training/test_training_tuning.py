import numpy as np
import pytest

from influencespace.training.heads import HeadsSettings
from influencespace.training.tuning import Trial, choose, grid, tune


def trial(rate, epochs, recall, spread=0.0, photos=100):
    """A setting whose photos score the recall (in percent), with this spread around it."""
    scores = np.full(photos, recall / 100) + spread * np.where(np.arange(photos) % 2, 1, -1)
    return Trial(HeadsSettings(rate, epochs), scores)


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


def test_the_grid_goes_from_the_least_training_to_the_most():
    amounts = [settings.learning_rate * settings.epochs for settings in grid()]
    assert amounts == sorted(amounts) and len(set(grid())) == len(grid())


def test_tuning_tries_the_whole_grid_once_and_takes_the_best():
    tried = []

    def scores_of(settings):
        tried.append(settings)
        return np.full(50, 0.9 if settings == HeadsSettings(1e-3, 3) else 0.1)

    chosen, trials = tune(scores_of)
    assert tried == grid() == [t.settings for t in trials]
    assert chosen == HeadsSettings(1e-3, 3)
