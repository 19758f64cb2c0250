"""Tests of security share the fabricated workspace of the page tests and the served app of the browser tests."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "ui"), str(TESTS / "browser")]
