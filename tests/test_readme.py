"""The README's commands are those that the check of a fresh machine runs, and the files it names are there."""

import re
from pathlib import Path

import pytest
from shell_cases import accepted, shell

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)


def test_it_opens_with_two_commands_of_one_line():
    start, check = BLOCKS[:2]
    for block in (start, check):
        assert block.count("\n") == 1
        assert block.startswith("python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt && ")
    assert start.endswith("streamlit run app.py\n")
    # Browsers draw in software, which takes both cores of a small machine: two of them at once would wait for each other.
    assert check.endswith(
        '-m pytest -m "not slow and not browser" -n 2 && .venv/bin/python -m pytest -m "not slow and browser"\n'
    )


def test_the_check_of_a_fresh_machine_takes_its_command_from_here():
    [line] = [line for line in README.splitlines() if "-m pytest" in line]
    assert f"{line}\n" == BLOCKS[1]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "line=$(grep -F -- '-m pytest' README.md)" in script
    assert '-c "$line"' in script


def test_every_flag_it_shows_exists():
    shown = re.findall(r"python -m influencespace (\w+)([^\n`#]*)", README)
    assert {"import", "embed", "cluster", "score", "plan", "train", "export", "status", "run", "demo"} <= {c for c, _ in shown}
    for name, arguments in shown:
        text = accepted(shell(name, "--help")).stdout
        for word in re.findall(r"--[a-z-]+", arguments):
            assert f"{word} " in text


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\]\((docs/\w+\.md|\S+\.txt)\)", README))))
def test_the_documents_it_links_to_exist(name):
    assert (ROOT / name).is_file()


def test_every_requirement_is_pinned_and_explained():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert "torch==2.13.0" in lines
    for line in lines:
        name, version = line.split("==")
        assert version
        assert f"| {name} |" in explained
