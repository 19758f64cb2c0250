"""What tests of the page Train ask of it, and the command of a training."""

from __future__ import annotations

TRAIN = [["train", {"arms": ["influence", "random"], "seeds": 2, "seed": 0, "device": "cpu"}]]


def button(page, label):
    return next(button for button in page.button if button.label == label)


def labels(page):
    return [button.label for button in page.button]
