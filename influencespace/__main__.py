"""``python -m influencespace``."""

from influencespace.cli import main

main()
