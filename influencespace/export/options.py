"""What a curator can say about the subset that goes out."""

from __future__ import annotations

from dataclasses import dataclass

from influencespace.options import Options, option

# What a format writes unless it is told a name.
FILES = {
    "jsonl": "subset.jsonl", "csv": "subset.csv", "parquet": "subset.parquet", "coco": "captions.json", "webdataset": "shards",
    "imagefolder": "imagefolder", "datacomp": "subset.npy", "sampler": "sampler.npz", "plan": "plan.json",
}
# These write a folder, with the photos in it.
FOLDERS = ("webdataset", "imagefolder")


@dataclass(frozen=True)
class ExportOptions(Options):
    """In which format the subset is written, and where.

    Raises
    ------
    OptionError
        If the format is not one of the choices, or a shard would hold no pair.
    """

    format: str = option(
        "jsonl",
        "jsonl, csv or parquet: one row a kept pair with its weight, cluster, disposition and reason; coco: COCO captions; "
        "webdataset: a folder of tar shards with photos; imagefolder: a folder of photos with metadata.jsonl, for Hugging Face "
        "datasets; datacomp: sorted uids for DataComp's resharder, weights beside; sampler: rows of the source and weights for "
        "PyTorch's WeightedRandomSampler; plan: a small JSON document that rebuilds the subset from the original pairs.",
        choices=tuple(FILES),
    )
    output: str = option(
        "", f"File or folder to write. Default, here: {', '.join(FILES.values())}, by format.",
    )
    only: str = option(
        "", "Digest of a stored set of pairs: only those of them that the plan keeps are written. Not for the format plan."
    )
    overwrite: bool = option(
        False, "Replace the file, or the folder of an earlier export, if it exists. What the pairs came from is never replaced."
    )
    shard_pairs: int = option(10_000, "At most so many pairs in a shard. For the format webdataset.", minimum=1)

    @property
    def file(self) -> str:
        """The file or folder to write, given or by default."""
        return self.output or FILES[self.format]
