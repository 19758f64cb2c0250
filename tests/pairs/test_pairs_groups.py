import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs.groups import compared_values, lexicon


def values(name, *captions_of_photos):
    rows = [(photo, caption) for photo, captions in enumerate(captions_of_photos) for caption in captions]
    table = pd.DataFrame(rows, columns=["photo", "caption"])
    found = lexicon(name, table["caption"].astype("str"), table["photo"].astype("str"))
    assert found.groupby(table["photo"]).nunique().eq(1).all()
    return found.groupby(table["photo"]).first().tolist()


def test_gender_words_of_single_captions():
    assert values(
        "gender_words", ["A MAN's hat"], ["a woman runs"], ["a man and a woman"], ["two people run"], ["a red car"],
        ["the human mandate of Manchester"], ["a cyclist"], ["womanly manners"],
    ) == ["male", "female", "mixed", "person_other", "no_person", "person_other", "person_other", "no_person"]


def test_age_words_of_single_captions():
    assert values("age_words", ["a boy"], ["a man"], ["a dog"], ["kids with a woman"]) == [
        "child", "adult_or_unstated", "none", "child"
    ]


def test_of_many_captions_two_must_mention_it():
    dog = ["a dog", "a brown dog", "a dog runs"]
    assert values(
        "gender_words", ["a man", "a dog"], ["a man", *dog], ["a man", "his dog", *dog], ["a man", "people", *dog],
        ["a man", "a woman", *dog],
    ) == ["male", "no_person", "male", "person_other", "mixed"]
    assert values("age_words", ["a child", *dog], ["a child", "a boy", *dog]) == ["none", "child"]


@pytest.fixture
def table():
    return pd.DataFrame({
        "split": ["train", "validation", "validation", "validation", "test"],
        "group.region": ["west", "south", "north", "unknown", "east"],
    })


def test_all_known_values_of_validation_are_compared(table):
    assert compared_values(table, {"region": ()}) == {"region": ["north", "south"]}


def test_values_asked_for_are_compared_in_that_order(table):
    assert compared_values(table, {"region": ("south", "north")}) == {"region": ["south", "north"]}


def test_a_value_that_validation_lacks_is_an_error(table):
    with pytest.raises(PairsError, match=r"no validation photo has the value 'west'. Values there: north, south"):
        compared_values(table, {"region": ("south", "west")})
