"""Data sets from the Hugging Face hub, when a source names one (``hf:OWNER/NAME``): its Parquet files, and never any code."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download

from influencespace.errors import PairsError

PREFIX = "hf:"
CONVERTED = "refs/convert/parquet"
PATIENCE_SECONDS = 5
"""For the hub's first answer."""
_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:/(\w[\w.-]*))?", re.ASCII)


def fetch(source: str) -> Path:
    """The folder with a data set's Parquet files, in the hub's cache; of ``hf:OWNER/NAME/CONFIG`` that configuration's.

    A data set that its owners keep in another form is taken from the Parquet files that the hub itself makes of it.

    Raises
    ------
    PairsError
        If the hub does not answer, or has no such data set or none in Parquet.
    """
    found = _NAME.fullmatch(source.removeprefix(PREFIX))
    if found is None:
        raise PairsError(f"{source} is no name of a data set on the hub, such as hf:OWNER/NAME or hf:OWNER/NAME/CONFIG.")
    name, configuration = found[1], found[2]
    try:
        for revision in (None, CONVERTED):
            info = HfApi().dataset_info(name, revision=revision, timeout=PATIENCE_SECONDS)
            files = [file.rfilename for file in info.siblings or [] if file.rfilename.endswith(".parquet")]
            files = [file for file in files if configuration is None or file.startswith(f"{configuration}/")]
            if files:
                folder = snapshot_download(name, repo_type="dataset", revision=info.sha, allow_patterns=files)
                return Path(folder) / (configuration or "")
    except Exception as error:
        # Of the network anything can go wrong, and the hub client passes on the errors of all the libraries below it.
        why = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")[:300]
        raise PairsError(
            f"{source} cannot be fetched from the hub ({type(error).__name__}: {why}). Where there is no network, save the "
            "data set elsewhere with datasets.load_dataset(...).save_to_disk(FOLDER), and name that folder."
        ) from error
    of = f" of the configuration {configuration}" if configuration else ""
    raise PairsError(f"The hub has no Parquet files{of} of {name}.")
