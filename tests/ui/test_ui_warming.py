"""What the server does before the first visitor comes."""

from __future__ import annotations

import gc

from influencespace.ui import warming


def test_what_was_imported_is_not_looked_through_after_every_run_of_a_page():
    try:
        warming.warm()
        assert gc.get_freeze_count() > 100_000
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        gc.unfreeze()
