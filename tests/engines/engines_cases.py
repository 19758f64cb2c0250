"""Work for the tests of engines, sent to Ray's workers as it stands: they do not see the tests' folder."""

import os
import time

import numpy as np


class Counting:
    """A piece is its number, and the process that it was computed in; some end or hold up their process at first."""

    def __init__(self, folder, ends=(), hangs=(), for_ever=False):
        self.folder, self.ends, self.hangs, self.for_ever = folder, ends, hangs, for_ever

    def __call__(self, pieces):
        for piece in pieces:
            begun = self.folder / f"begun {piece}"
            first = not begun.exists()
            begun.touch()
            if piece in self.ends and (first or self.for_ever):
                os._exit(1)
            if piece in self.hangs and first:
                time.sleep(3600)
            yield {"piece": piece, "values": np.full((piece, 2), piece, dtype=np.float16), "process": os.getpid()}


class Refusing:
    """Cannot do one of its pieces, for a reason that a person can mend."""

    def __init__(self, refused, error):
        self.refused, self.error = refused, error

    def __call__(self, pieces):
        for piece in pieces:
            if piece == self.refused:
                raise self.error(f"The photo of row {piece} is gone.")
            yield {"piece": piece}
