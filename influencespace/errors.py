"""Errors for the curator: what is wrong, in which file and row, and what to do.

Everything a user can cause raises an :class:`InfluenceSpaceError`; anything else that escapes is a bug of ours. The
shell prints the message and exits with 1, a page shows it in a box; neither ever shows a stack trace for one of these.
"""


class InfluenceSpaceError(Exception):
    """Base of every error that a person using InfluenceSpace can cause and can mend."""


class OptionError(InfluenceSpaceError):
    """An option has a value that cannot work."""


class WorkspaceError(InfluenceSpaceError):
    """The workspace cannot be read, written or locked, or lacks what a stage needs."""


class DamagedError(WorkspaceError):
    """A file of an artifact is not as it was written; the stage that made it makes it again.

    Parameters
    ----------
    sentence
        What is damaged, and what makes it again.
    why
        Which file it is and what is wrong with it, in words without an end.
    """

    def __init__(self, sentence: str, why: str = "") -> None:
        super().__init__(sentence)
        self.why = why


class PairsError(InfluenceSpaceError):
    """The pairs as given cannot be read at all; single bad rows are problems, not errors."""


class FeaturesError(InfluenceSpaceError):
    """The encoder or the embeddings cannot be used."""


class ProxyError(InfluenceSpaceError):
    """The proxy cannot be fitted to these pairs."""


class ClustersError(InfluenceSpaceError):
    """The pairs cannot be clustered as asked."""


class PlanError(InfluenceSpaceError):
    """The plan cannot be made as asked."""


class TrainingError(InfluenceSpaceError):
    """An arm cannot be trained or evaluated."""


class ExportError(InfluenceSpaceError):
    """The subset cannot be written where it was asked for."""


class JobError(InfluenceSpaceError):
    """A job cannot be submitted, found or cancelled."""


class EngineError(InfluenceSpaceError):
    """The engine that was asked for cannot be had, or has lost its workers for good."""
