"""What is imported is pinned and justified, what is pinned is used, and nothing asks more of a user than its licence may."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import influencespace

ROOT = Path(influencespace.__file__).parents[1]
SOURCES = ("app.py", "pages/*.py", "influencespace/**/*.py", "tests/**/*.py")
FOLDERS = ("tests", "benchmarks")
OURS = {"influencespace", "app", "tests"} | {path.stem for part in FOLDERS for path in (ROOT / part).rglob("*.py")}
# Imported by others of the list when they are asked to do what we ask of them.
BEHIND = {"authlib": "streamlit", "pytest-xdist": "pytest"}
# What is used where it is there: an engine that is asked for, a meter of GPUs, a search for damage that no test run needs, and
# what pytest brings.
ASIDE = {"ray", "pynvml", "atheris", "packaging"}
# Besides permissive ones: both leave the licence of what uses them alone.
ALLOWED = re.compile(r"MIT|BSD|Apache|MPL|PSF|ISC|Python|Zlib|CC0|BSL|HPND|CNRI|LLVM|Unlicense|OSI Approved", re.IGNORECASE)
COPYLEFT = re.compile(r"\b(A|L)?GPL", re.IGNORECASE)


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def pinned(file: str = "requirements.txt") -> dict[str, str]:
    """The versions in a list of requirements, by name."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {_name(name.partition("[")[0]): version for name, _, version in found}


def imported() -> set[str]:
    """The top-level modules that any file imports, at whatever depth, but for our own and Python's."""
    names: set[str] = set()
    for pattern in SOURCES:
        for file in ROOT.glob(pattern):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {name.name.partition(".")[0] for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names - OURS - sys.stdlib_module_names


def wanted() -> set[str]:
    """The distributions that hold what is imported."""
    holding = importlib.metadata.packages_distributions()
    return {_name(holding.get(name, [name])[0]) for name in imported()}


def test_every_import_is_pinned_and_every_pin_is_imported():
    assert wanted() - ASIDE == set(pinned()) - BEHIND.keys()
    assert set(pinned("requirements-ray.txt")) == {"ray"}


def test_every_pin_says_what_it_replaces_and_no_other_does():
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w.-]+)[^|]*\| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    told = {_name(name): why for name, why in rows if name != "package"}
    assert told.keys() == {*pinned(), *pinned("requirements-ray.txt")}
    assert all(why.strip() for why in told.values())


def test_every_version_is_pinned_exactly():
    for file in ("requirements.txt", "requirements-ray.txt"):
        assert all(re.fullmatch(r"[\w.]+", version) for version in pinned(file).values()), file


def test_what_is_installed_is_what_is_pinned():
    versions = {name: importlib.metadata.version(name).partition("+")[0] for name in pinned()}
    assert versions == pinned()


def brought() -> dict[str, importlib.metadata.Distribution]:
    """Everything that the requirements bring with them on this machine, by name."""
    found, waiting = {}, list(pinned())
    while waiting:
        name = _name(waiting.pop())
        if name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        for line in found[name].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def _licence(of: importlib.metadata.Distribution) -> str:
    told = of.metadata
    classified = [line for line in told.get_all("Classifier") or [] if line.startswith("License")]
    return told.get("License-Expression") or "; ".join(classified) or (told.get("License") or "").split("\n")[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_licences_of_all_that_is_brought_go_with_ours():
    licences = {name: _licence(found) for name, found in brought().items()}
    assert len(licences) > len(pinned())
    # NVIDIA's libraries come with torch where there is CUDA, under terms of their own.
    ours = {name: text for name, text in licences.items() if not name.startswith(("nvidia-", "cuda-"))}
    assert not {name: text for name, text in ours.items() if COPYLEFT.search(text) or not ALLOWED.search(text)}
