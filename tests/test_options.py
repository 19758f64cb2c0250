from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.errors import OptionError
from influencespace.options import Options, describe, flag, option, restore
from influencespace.stages import STAGES
from influencespace.training.options import TrainOptions


@dataclass(frozen=True)
class Cooking(Options):
    minutes: float = option(5.0, "How long.", minimum=0.5, maximum=60)
    dish: str = option("soup", "What.", choices=("soup", "stew"))
    herbs: tuple[str, ...] = option((), "With what.", choices=("dill", "thyme"))
    table_salt: int | None = option(None, "Grains.", minimum=0)
    pot: str = option("big", "In what.", recipe=False)


def test_bounds_are_allowed_themselves():
    assert Cooking(minutes=0.5).minutes == 0.5
    assert Cooking(minutes=60).minutes == 60


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"minutes": 0.4}, r"^--minutes must be at least 0.5, not 0.4\.$"),
        ({"minutes": 61}, r"^--minutes must be at most 60, not 61\.$"),
        ({"minutes": float("nan")}, "^--minutes must be a finite number, not nan"),
        ({"minutes": float("inf")}, "^--minutes must be a finite number, not inf"),
        ({"dish": "cake"}, "^--dish cannot be 'cake'; choose from soup, stew"),
        ({"herbs": ("dill", "mint")}, "^--herbs cannot be 'mint'; choose from dill, thyme"),
        ({"table_salt": -1}, "^--table-salt must be at least 0, not -1"),
    ],
)
def test_a_value_that_cannot_work_is_named_with_what_can(values, message):
    with pytest.raises(OptionError, match=message):
        Cooking(**values)


def test_options_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Cooking().minutes = 3.0


def test_the_recipe_leaves_out_what_does_not_change_what_comes_out():
    recipe = Cooking(herbs=("dill",), pot="small").recipe()
    assert recipe == {"minutes": 5.0, "dish": "soup", "herbs": ["dill"], "table_salt": None}


@given(st.floats(0.5, 60), st.sampled_from(["soup", "stew"]), st.lists(st.sampled_from(["dill", "thyme"])))
def test_options_come_back_from_their_recipe(minutes, dish, herbs):
    options = Cooking(minutes, dish, tuple(herbs))
    assert restore(Cooking, options.recipe()) == options


@pytest.mark.parametrize("values", [{"minutes": 99.0}, {"pepper": 1}, {"minutes": "long"}])
def test_a_recipe_that_cannot_be_is_an_option_error(values):
    with pytest.raises(OptionError):
        restore(Cooking, values)


def test_description_says_all_that_shell_and_pages_need():
    by_name = {entry["name"]: entry for entry in describe(Cooking)}
    assert list(by_name) == ["minutes", "dish", "herbs", "table_salt", "pot"]
    assert by_name["minutes"] == {
        "name": "minutes", "type": float, "default": 5.0, "help": "How long.", "minimum": 0.5, "maximum": 60,
        "choices": None, "recipe": True,
    }
    assert by_name["table_salt"]["type"] == int | None


def test_flags_are_spelled_with_hyphens():
    assert flag("batch_size") == "--batch-size"


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_every_option_of_every_stage_teaches_and_has_a_default_that_works(stage):
    needed = {"source": "pairs.jsonl"} if stage.name == "import" else {}
    options = stage.options(**needed)
    assert restore(stage.options, options.recipe()) == options
    for entry in describe(stage.options):
        assert entry["help"].endswith((".", ".)")) and len(entry["help"]) > 10, entry["name"]


def test_bounds_hold_for_every_one_of_several_values():
    assert TrainOptions(schedule=(1, 3)).schedule == (1, 3)
    with pytest.raises(OptionError, match="--schedule must be at least 1, not 0"):
        TrainOptions(schedule=(2, 0))
