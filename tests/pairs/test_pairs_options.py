import pytest

from influencespace.errors import OptionError
from influencespace.options import describe
from influencespace.pairs.options import ImportOptions


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"filter": ("split",)}, "--filter must be COLUMN=VALUE"),
        ({"filter": ("=dev",)}, "--filter must be COLUMN=VALUE"),
        ({"validation": "v", "validation_filter": ("dev",)}, "--validation-filter must be COLUMN=VALUE"),
        ({"groups": ("g:",)}, "--groups must be NAME"),
        ({"groups": ("g:a,,b",)}, "--groups must be NAME"),
        ({"groups": ("g", "g:a")}, "--groups names 'g' twice"),
        ({"lexicon": ("hair_words",)}, "--lexicon cannot be 'hair_words'"),
        ({"captions": "some"}, "--captions cannot be 'some'"),
        ({"holdout": 0.0}, "--holdout must be at least"),
        ({"seed": -1}, "--seed must be at least"),
        ({"holdout_column": "split", "validation": "v"}, "either --holdout-column or"),
        ({"validation_filter": ("a=b",)}, "--validation-filter needs --validation"),
        ({"test": "t"}, "--test needs --validation"),
        ({"validation": "v", "test_filter": ("a=b",)}, "--test-filter needs --test"),
    ],
)
def test_an_option_that_cannot_work_is_named(wrong, message):
    with pytest.raises(OptionError, match=message):
        ImportOptions(source="pairs.csv", **wrong)


def test_a_condition_may_hold_further_equal_signs():
    assert ImportOptions(source="pairs.csv", filter=("url=a?b=c",)).filter == ("url=a?b=c",)


def test_attributes_come_from_columns_and_from_the_lexicon():
    options = ImportOptions(source="p.csv", groups=("region:north,south", "age_words:child"), lexicon=("age_words",))
    assert options.attributes == {"region": ("north", "south"), "age_words": ("child",)}


def test_every_option_explains_itself():
    assert all(option["help"].endswith(".") for option in describe(ImportOptions))
