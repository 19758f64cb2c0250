"""An export that is killed anywhere, or finds no room, leaves the old result or none, and nothing that the next trips over."""

import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys

import export_cases as cases
import pytest

from influencespace.errors import ExportError
from influencespace.export.options import FILES, ExportOptions
from influencespace.export.place import clear_dead, put_in_place
from influencespace.export.subset import export_subset
from influencespace.workspace import Workspace

UIDS = [f"{i:032x}" for i in range(10)]
# Of the operating system, what changes something in a folder.
CHANGES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["influencespace.export.subset", "export_cases"])


def export_and_die(workspace, options, folder, at):
    """Export, and be killed before the change to the folder with that number."""
    changes = 0

    def count(event, arguments):
        nonlocal changes
        if event in CHANGES and str(arguments[0]).startswith(folder):
            if changes == at:
                os.kill(os.getpid(), signal.SIGKILL)
            changes += 1

    sys.addaudithook(count)
    export_subset(Workspace(workspace), options)


def export_without_room(workspace, options, most):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        export_subset(Workspace(workspace), options)
    except ExportError as error:
        sys.exit(0 if re.search(r"cannot be written: File too large\. Its disk has .* MB left", str(error)) else 2)
    sys.exit(3)


def run(target, *arguments):
    process = FORK.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def content(folder):
    """Every file below the folder with its bytes, drafts and the time of the export aside."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.relative_to(folder).parts[0].endswith(".draft")]
    return {
        file.relative_to(folder).as_posix(): json.loads(file.read_text("utf-8")) | {"exported": None}
        if file.name.endswith(".plan.json") else file.read_bytes() for file in files
    }


class Place:
    """A place with an old result in it or none, and a workspace whose export would be the new one."""

    def __init__(self, folder, form):
        self.out, self.kept = folder / "out", folder / "old"
        self.options = ExportOptions(form, str(self.out / FILES[form]), overwrite=True, shard_pairs=2)
        self.workspace = cases.workspace(folder / "data", id=UIDS)
        export_subset(self.workspace, self.options)
        self.old = content(self.out)
        self.out.rename(self.kept)
        cases.write_scores_and_plan(self.workspace, folder / "data", pruned=[1, 4])
        export_subset(self.workspace, self.options)
        self.new = content(self.out)

    def prepare(self, old):
        shutil.rmtree(self.out)
        if old:
            shutil.copytree(self.kept, self.out)
        else:
            self.out.mkdir()

    def kill(self, at):
        """Whether the export was killed before the change with that number."""
        return run(export_and_die, str(self.workspace.path), self.options, f"{self.out}/", at) == -signal.SIGKILL

    def chief(self, found):
        return {name: value for name, value in found.items() if name.split("/")[0] == FILES[self.options.format]}

    def check(self, before):
        """There is the old or the new, whole, or none; and once cleared, the old or the new with all that lies beside."""
        found = content(self.out)
        assert self.chief(found) in ({}, self.chief(before), self.chief(self.new))
        if self.chief(found) == self.chief(self.new):
            assert found == self.new
        clear_dead(self.out)
        assert content(self.out) in (before, self.new)
        assert not list(self.out.glob(".*"))


@pytest.fixture(params=list(FILES))
def place(request, tmp_path):
    return Place(tmp_path, request.param)


def killed_before(place, old, step, first):
    """Exports that are killed before every ``step``-th change, until one comes to its end."""
    at = first
    while True:
        place.prepare(old)
        if not place.kill(at):
            assert content(place.out) == place.new
            return at
        place.check(place.old if old else {})
        at += step


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_killed_before_any_change_the_old_or_the_new_stands_or_none(place, old):
    assert killed_before(place, old, 1, 0) > 5


def test_killed_before_some_changes_too(place):
    killed_before(place, True, 9, 4)


def test_the_next_export_takes_the_place_of_one_that_was_killed(place):
    place.prepare(True)
    assert place.kill(9)
    export_subset(place.workspace, place.options)
    assert content(place.out) == place.new
    assert not list(place.out.glob(".*"))


def test_where_there_is_no_room_the_old_stands_and_a_sentence_says_so(place):
    place.prepare(True)
    assert run(export_without_room, str(place.workspace.path), place.options, 100) == 0
    assert content(place.out) == place.old
    assert not list(place.out.glob(".*"))


def write(folder, **texts):
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def test_parts_take_their_place_together(tmp_path):
    write(tmp_path, chief="old", part="old")
    with put_in_place(tmp_path / "chief") as folder:
        write(folder, chief="new", part="new")
    assert content(tmp_path) == {"chief": b"new", "part": b"new"}


def test_an_error_in_the_block_leaves_what_was_there(tmp_path):
    write(tmp_path, chief="old", part="old")
    with pytest.raises(ZeroDivisionError), put_in_place(tmp_path / "chief") as folder:
        write(folder, chief="half")
        1 / 0  # noqa: B018
    assert content(tmp_path) == {"chief": b"old", "part": b"old"} and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("failing", range(4))
def test_a_move_that_fails_is_undone(tmp_path, monkeypatch, failing):
    write(tmp_path, chief="old", part="old")
    moves, move = [], os.replace

    def fail(source, target):
        moves.append(source)
        if len(moves) == failing + 1:
            raise OSError(5, "Input/output error")
        move(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ExportError, match="cannot be written: Input/output error"), put_in_place(tmp_path / "chief") as folder:
        write(folder, chief="new", part="new")
    assert content(tmp_path) == {"chief": b"old", "part": b"old"} and not list(tmp_path.glob(".*"))


def test_who_comes_second_is_told_and_the_first_goes_on(tmp_path):
    with put_in_place(tmp_path / "chief") as folder:
        with pytest.raises(ExportError, match="being written by another process"), put_in_place(tmp_path / "chief"):
            pass
        with put_in_place(tmp_path / "chief.other") as other:
            write(other, **{"chief.other": "new"})
        clear_dead(tmp_path)
        write(folder, chief="new")
    assert content(tmp_path) == {"chief": b"new", "chief.other": b"new"}


def test_what_is_no_draft_of_ours_stays(tmp_path):
    for name in (".a.12345678.draft", ".b.draft", ".c.1234567.draft"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, **({"mine": ""} if name == ".a.12345678.draft" else {"lock": ""}))
    before = content(tmp_path)
    clear_dead(tmp_path)
    clear_dead(tmp_path / "absent")
    assert len(list(tmp_path.glob(".*"))) == 3 and content(tmp_path) == before


def test_drafts_of_other_people_are_let_alone(tmp_path, monkeypatch):
    theirs = tmp_path / ".chief.12345678.draft"
    for part in ("new", "old"):
        (theirs / part).mkdir(parents=True)
    write(theirs, lock="", **{"placing.json": '["mine", "chief"]'})
    write(theirs / "new", chief="")
    write(theirs / "old", mine="theirs")
    write(tmp_path, mine="mine")
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    clear_dead(tmp_path)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine" and (theirs / "old" / "mine").exists()
