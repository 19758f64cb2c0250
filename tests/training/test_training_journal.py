"""What a training tells is read as it comes, and foretells how long the rest takes."""

import json

import pytest

from influencespace.training.journal import Course, Journal


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal.jsonl"


def told(journal, arm, seed, seconds, epochs=2):
    journal.tell(arm, seed, began=0.0)
    for epoch in range(1, epochs + 1):
        journal.tell(arm, seed, epoch=epoch, loss=3.0 / epoch, recall=10.0 * epoch)
    journal.tell(arm, seed, took=seconds)


def test_course_reads_only_what_is_new(file):
    journal, course = Journal(file), Course()
    assert not course.follow(file)
    journal.tell("full", 0, began=5.0)
    journal.tell("full", 0, epoch=1, loss=2.5, recall=20.0)
    assert course.follow(file) and not course.follow(file)
    assert (course.present, course.began) == (("full", 0), 5.0)
    assert course.curves == {("full", 0): [{"epoch": 1, "loss": 2.5, "recall": 20.0}]}
    journal.tell("full", 0, epoch=2, loss=2.0, recall=30.0)
    journal.tell("full", 0, took=7.0)
    assert course.follow(file)
    assert [step["epoch"] for step in course.curves["full", 0]] == [1, 2]
    assert (course.present, course.seconds) == (None, {("full", 0): 7.0})
    assert course.offset == file.stat().st_size


def test_half_a_line_waits_for_its_other_half(file):
    course, line = Course(), json.dumps({"arm": "full", "seed": 0, "epoch": 1, "loss": 2.0, "recall": 1.0}) + "\n"
    file.write_text(line[:20])
    assert not course.follow(file)
    file.write_text(line)
    assert course.follow(file) and len(course.curves["full", 0]) == 1


def test_line_of_a_killed_process_is_passed_over(file):
    file.write_text('{"arm": "full", "se')
    told(Journal(file), "random", 1, 4.0)
    course = Course()
    course.follow(file)
    assert list(course.curves) == [("random", 1)]
    assert course.seconds == {("random", 1): 4.0}


def test_run_that_was_broken_off_begins_anew(file):
    journal, course = Journal(file), Course()
    journal.tell("full", 0, began=1.0)
    journal.tell("full", 0, epoch=1, loss=9.0, recall=1.0)
    told(Journal(file), "full", 0, 4.0)
    course.follow(file)
    assert [(step["epoch"], step["loss"]) for step in course.curves["full", 0]] == [(1, 3.0), (2, 1.5)]


def test_time_left_is_that_of_the_same_arm_or_else_of_all(file):
    journal, course = Journal(file), Course()
    told(journal, "influence", 0, 10.0)
    course.follow(file)
    assert course.seconds_left([("random", 0)], now=0.0) is None  # one run says little
    told(journal, "random", 0, 2.0)
    course.follow(file)
    assert course.seconds_left([("random", 1), ("influence", 1), ("full", 0)], now=0.0) == 2 + 10 + 6
    journal.tell("influence", 1, began=100.0)
    course.follow(file)
    todo = [("influence", 1), ("full", 0)]
    assert course.seconds_left(todo, now=103.0) == 7 + 6
    assert course.seconds_left(todo, now=200.0) == 6  # it takes longer than expected, but never less than nothing
    assert course.seconds_left([], now=0.0) == 0.0
