"""The fabricated workspace of the page tests, and the stages of the job tests, are those of these tests too."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("ui", "jobs")]
