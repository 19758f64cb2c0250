"""What a curator can say about the subset that goes out."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option

FILES = {"jsonl": "subset.jsonl", "csv": "subset.csv", "parquet": "subset.parquet", "plan": "plan.json"}


@dataclass(frozen=True)
class ExportOptions(Options):
    """In which format the subset is written, and where.

    Raises
    ------
    OptionError
        If the format is not one of the choices.
    """

    format: str = option(
        "jsonl",
        "jsonl, csv or parquet: one row a kept pair with its weight, cluster, disposition and reason; plan: a small JSON "
        "document that rebuilds the subset from the original pairs.",
        choices=tuple(FILES),
    )
    output: str = option("", "File to write. Default: subset.jsonl, subset.csv, subset.parquet or plan.json, here.")
    only: str = option(
        "", "Digest of a stored set of pairs: only those of them that the plan keeps are written. Not for the format plan."
    )
    overwrite: bool = option(False, "Replace the file if it exists. What the pairs came from is never replaced.")

    @property
    def file(self) -> str:
        """The file to write, given or by default."""
        return self.output or FILES[self.format]
