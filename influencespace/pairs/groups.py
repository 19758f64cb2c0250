"""Groups of photos: which values of an attribute are compared, and attributes that are read from captions.

The lexicon reads captions and never people. ``gender_words`` says which words the writers of a photo's captions chose,
not who the people on it are; somebody whom no caption mentions, or whom captions get wrong, is not seen by it. Use
attributes that people gave of themselves wherever there are such, and speak of "photos captioned with female words",
not of women, where there are not.
"""

from __future__ import annotations

import pandas as pd

from influencespace.errors import PairsError
from influencespace.pairs.candidates import UNKNOWN
from influencespace.pairs.views import GROUP

MALE_WORDS = (
    "man", "men", "boy", "boys", "male", "males", "guy", "guys", "gentleman", "gentlemen", "father", "fathers", "dad",
    "dads", "daddy", "son", "sons", "brother", "brothers", "husband", "husbands", "grandfather", "grandpa", "uncle",
    "he", "him", "his", "himself", "businessman", "businessmen", "fisherman", "fishermen", "policeman", "policemen",
    "fireman", "firemen", "cowboy", "cowboys", "king", "groom", "waiter", "sportsman", "sportsmen", "schoolboy",
)
FEMALE_WORDS = (
    "woman", "women", "girl", "girls", "female", "females", "lady", "ladies", "mother", "mothers", "mom", "moms",
    "mommy", "mum", "daughter", "daughters", "sister", "sisters", "wife", "wives", "grandmother", "grandma", "aunt",
    "she", "her", "hers", "herself", "businesswoman", "businesswomen", "policewoman", "policewomen", "cowgirl",
    "cowgirls", "queen", "bride", "brides", "bridesmaid", "bridesmaids", "waitress", "cheerleader", "cheerleaders",
    "ballerina", "schoolgirl",
)
CHILD_WORDS = (
    "child", "children", "kid", "kids", "boy", "boys", "girl", "girls", "baby", "babies", "toddler", "toddlers",
    "infant", "infants", "schoolboy", "schoolboys", "schoolgirl", "schoolgirls", "youngster", "youngsters", "son",
    "daughter",
)
PERSON_WORDS = (
    "person", "persons", "people", "human", "humans", "someone", "somebody", "adult", "adults", "teenager",
    "teenagers", "teen", "teens", "player", "players", "couple", "couples", "crowd", "crowds", "family", "families",
    "friend", "friends", "worker", "workers", "rider", "riders", "biker", "bikers", "cyclist", "cyclists",
    "bicyclist", "bicyclists", "skier", "skiers", "snowboarder", "snowboarders", "skateboarder", "skateboarders",
    "surfer", "surfers", "climber", "climbers", "hiker", "hikers", "runner", "runners", "swimmer", "swimmers",
    "diver", "divers", "dancer", "dancers", "singer", "musician", "musicians", "performer", "performers", "athlete",
    "athletes", "team", "spectators", "soldier", "soldiers", "officer", "officers", "tourist", "tourists", "student",
    "students", "teacher", "doctor", "nurse", "chef", "cook", "driver", "passenger", "passengers", "pedestrian",
    "pedestrians", "shopper", "shoppers", "vendor", "vendors", "they", "their", "them", "who", "parent", "parents",
    "audience", "artist", "photographer", "wrestlers", "boxer", "boxers", "motorcyclist", "motorcyclists", "kayaker",
    "golfer", "jogger", "joggers", "fan", "fans", "individual", "individuals", "group",
)


def lexicon(name: str, captions: pd.Series, photos: pd.Series) -> pd.Series:
    """An attribute of photos, read from the words of all their captions.

    A photo *mentions* a list if at least two of its captions use a word of it; of a photo with one or two captions, one
    is enough. Whole words count, in any case.

    ``gender_words``: *mixed* if words of both ``MALE_WORDS`` and ``FEMALE_WORDS`` occur anywhere; *male* if male words
    are mentioned, *female* if female words are; *person_other* if people are mentioned otherwise; else *no_person*.
    ``age_words``: *child* if ``CHILD_WORDS`` are mentioned; *adult_or_unstated* if people are; else *none*.

    Parameters
    ----------
    name
        ``gender_words`` or ``age_words``.
    captions, photos
        One caption a row, and which photo each belongs to.

    Returns
    -------
    pandas.Series
        The value of each row's photo, indexed as the captions.
    """
    enough = captions.groupby(photos).transform("size").ge(3) + 1

    def uses(*lists: tuple[str, ...]) -> pd.Series:
        """How many captions of the row's photo use a word of the lists."""
        pattern = r"\b(?:" + "|".join(word for words in lists for word in words) + r")\b"
        return captions.str.contains(pattern, case=False, regex=True).groupby(photos).transform("sum")

    people = uses(MALE_WORDS, FEMALE_WORDS, CHILD_WORDS, PERSON_WORDS) >= enough
    if name == "age_words":
        return _first_true({"child": uses(CHILD_WORDS) >= enough, "adult_or_unstated": people}, "none")
    male, female = uses(MALE_WORDS), uses(FEMALE_WORDS)
    cases = {"mixed": (male > 0) & (female > 0), "male": male >= enough, "female": female >= enough}
    return _first_true(cases | {"person_other": people}, "no_person")


def _first_true(cases: dict[str, pd.Series], otherwise: str) -> pd.Series:
    values = pd.Series(otherwise, index=next(iter(cases.values())).index, dtype="str")
    for value, holds in reversed(cases.items()):
        values = values.where(~holds, value)
    return values


def compared_values(table: pd.DataFrame, attributes: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """For each attribute the values that are compared: those asked for, else all that validation photos have.

    Raises
    ------
    PairsError
        If a value was asked for that no validation photo has.
    """
    validation = table[table["split"] == "validation"]
    compared = {}
    for name, asked in attributes.items():
        there = sorted(set(validation[GROUP + name]) - {UNKNOWN})
        missing = [value for value in asked if value not in there]
        if missing:
            raise PairsError(
                f"--groups {name}: no validation photo has the value {missing[0]!r}. "
                f"Values there: {', '.join(there) or 'none'}."
            )
        compared[name] = list(asked) or there
    return compared
