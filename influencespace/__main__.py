"""``python -m influencespace``."""

import os

from influencespace.cli import main
from influencespace.threads import threads

for name, value in threads().items():
    os.environ.setdefault(name, value)
main()
