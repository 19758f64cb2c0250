"""What a person meets at the shell: its flags are the options, its help teaches, and its bars tell how far work is."""

import dataclasses
import os
import subprocess
import sys

import pytest
from shell_cases import accepted, shell

from influencespace import stages
from influencespace.options import Options, describe, flag, option
from influencespace.shell.bars import Bars
from influencespace.shell.bodies import KINDS
from influencespace.shell.commands import COMMANDS
from influencespace.shell.flags import given, parameters
from influencespace.workspace import MADE_BY


def test_the_commands_are_the_stages_in_the_order_of_the_road():
    assert {name: offered.options for name, offered in COMMANDS.items()} == {
        name: stage.options for name, stage in stages.STAGES.items()
    }
    assert list(COMMANDS) == list(stages.STAGES) == list(MADE_BY.values())


def test_the_help_shows_the_road_in_order_and_every_command_has_examples():
    text = accepted(shell("--help")).stdout
    commands = ["demo", "run", *COMMANDS, "export", "report", "status"]
    found = [text.index(f"│ {name} ") for name in commands]
    assert found == sorted(found)
    for name in commands:
        assert f"python -m influencespace {name}" in accepted(shell(name, "--help")).stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_a_flag_with_its_help(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")
    text = " ".join(accepted(shell(name, "--help")).stdout.split())
    for field in describe(KINDS[name]):
        assert (flag(field["name"]) if field["name"] != "source" else "SOURCE") in text
        assert " ".join(field["help"].split()[:4]) in text


def test_help_is_there_before_torch_is():
    code = "import sys, influencespace.cli; print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert printed.stdout == "[]\n"


def test_the_module_runs_and_ends_with_its_exit_code(tmp_path):
    command = [sys.executable, "-m", "influencespace", "status", "--workspace", str(tmp_path / "none")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=_root())
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Error: {tmp_path / 'none'} is no workspace. Make one with: python -m influencespace import\n"
    )


@dataclasses.dataclass(frozen=True)
class First(Options):
    seed: int = option(0, "First seed.", minimum=0)
    size: int = option(4, "First size.", minimum=1)
    words: tuple[str, ...] = option((), "Words [all].")


@dataclasses.dataclass(frozen=True)
class Second(Options):
    seed: int = option(0, "Second seed.", minimum=0)
    size: int = option(8, "Second size.")
    kind: str = option("a", "Kind.", choices=("a", "b"))


def test_a_flag_that_means_the_same_is_shared_and_another_gets_its_stage_before_it():
    kinds = {"first": First, "second": Second}
    assert [p.name for p in parameters(kinds)] == ["seed", "first_size", "words", "second_size", "kind"]
    values = {"seed": 3, "second_size": 9, "words": ["x", "y"], "kind": None, "first_size": None}
    assert given(kinds, values) == {"first": {"seed": 3, "words": ("x", "y")}, "second": {"seed": 3, "size": 9}}
    assert given(kinds, dict.fromkeys(values)) == {"first": {}, "second": {}}
    assert [p.name for p in parameters({"first": First})] == ["seed", "size", "words"]


class Terminal:
    """A stderr that says it is a terminal, and remembers what is drawn on it."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_terminal_gets_one_bar_a_phase(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bars() as progress:
        for done in range(4):
            progress(done, 3, "reading")
        for done, what in enumerate(("reducing", "fitting", "placing")):
            progress(done, 3, what)
    lines = [line.split("\r")[-1] for line in terminal.text.split("\n")]
    assert lines[0].startswith("reading: 100%|")
    assert "3/3" in lines[0]
    assert lines[1].startswith("placing:  67%|")
    assert lines[2:] == [""]


def test_without_a_terminal_a_phase_is_a_line(capsys):
    with Bars(quiet=True) as progress:
        for what in ("reading", "writing"):
            for done in range(3):
                progress(done, 2, what)
    assert capsys.readouterr().err == "reading\nwriting\n"


def _root():
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
