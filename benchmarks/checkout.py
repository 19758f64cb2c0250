"""Lets a benchmark that is run as a script import the project from the checkout in which it stands."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
