"""From the name of an encoder to a folder with its files: local, cached, or fetched from the hub."""

from __future__ import annotations

import json
import re
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.file_download import repo_folder_name

from influencespace.errors import FeaturesError

WAYS_OUT = (
    "Give a directory that holds one (--encoder DIR), "
    "or try everything offline on the demo (python -m influencespace demo DIR)."
)
# How long a hub that does not answer may take; the hub client alone would try again for half a minute.
PATIENCE_SECONDS = 5
CONVERTED = "Adding `safetensors` variant of this model"
CONVERTER = "SFconvertbot"
INDEX = "model.safetensors.index.json"
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
ASIDE = (".json", ".txt", ".model")


def unusable(name: str, why: str) -> FeaturesError:
    """The error for an encoder that cannot be had; it names the two ways out."""
    return FeaturesError(f"The encoder {name} cannot be used: {why}. {WAYS_OUT}")


def first_line(error: Exception) -> str:
    """What a library's error says, as a part of a sentence."""
    return next(iter(str(error).strip().splitlines()), "no reason given").rstrip(".")[:300]


def locate(name: str) -> Path:
    """The folder with an encoder's configuration, safetensors, image processor and tokenizer.

    A directory is taken as it is. Anything else is the name of a model on the hub: a complete copy in the hub's cache is
    taken without asking the network, else it is fetched. Pickled weights are never read.

    Raises
    ------
    FeaturesError
        If there is no such directory or model, the hub does not answer, or the weights are not safetensors.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        lacking = _lacking(folder)
        if lacking:
            raise unusable(name, f"the directory has no {lacking}" + _pickled(p.name for p in folder.iterdir()))
        return folder.resolve()
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        raise unusable(name, "there is no such directory, and no model on the hub can have that name")
    return _cached(name) or _fetched(name)


def at_hand(name: str) -> Path | None:
    """The folder of an encoder that is on this machine, as a directory or in the hub's cache; None if it would be fetched."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else _cached(name)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of the encoder in a folder."""
    return sorted(path for path in folder.iterdir() if WEIGHTS.fullmatch(path.name))


def other_files(folder: Path) -> list[Path]:
    """Configuration and vocabulary of the encoder in a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in ASIDE)


def _lacking(folder: Path) -> str | None:
    if not (folder / "config.json").is_file():
        return "config.json"
    needed = [folder / "model.safetensors"]
    if (folder / INDEX).is_file():
        try:
            names = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            return f"readable {INDEX}"
        needed = [folder / name for name in sorted(names)]
    absent = next((path.name for path in needed if not path.is_file()), None)
    if absent:
        return absent
    if not any((folder / file).is_file() for file in ("preprocessor_config.json", "processor_config.json")):
        return "image processor (preprocessor_config.json)"
    return None


def _pickled(names) -> str:
    found = next((name for name in sorted(names) if name.endswith((".bin", ".pt", ".pth", ".ckpt"))), None)
    if found is None:
        return ""
    return f", only {found}, which is pickled and could run any code: save the model again as safetensors"


def _cached(name: str) -> Path | None:
    snapshots = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "snapshots"
    complete = [folder for folder in snapshots.glob("*") if folder.is_dir() and _lacking(folder) is None]
    return max(complete, key=lambda folder: folder.stat().st_mtime, default=None)


def _fetched(name: str) -> Path:
    api = HfApi()
    try:
        revision, files = _files(api, name, None)
        if not any(map(WEIGHTS.fullmatch, files)):
            converted = _conversion(api, name)
            if converted is None:
                raise unusable(name, "it has no model.safetensors on the hub" + _pickled(files))
            revision, files = _files(api, name, converted)
        wanted = [file for file in files if WEIGHTS.fullmatch(file) or ("/" not in file and file.endswith(ASIDE))]
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except FeaturesError:
        raise
    except GatedRepoError:
        why = "its owners on the hub ask for consent first: accept there, then log in with: hf auth login"
        raise unusable(name, why) from None
    except RepositoryNotFoundError:
        raise unusable(name, "there is no such directory, and the hub has no such model (or not for everyone)") from None
    except Exception as error:
        # Of the network anything can go wrong, and the hub client passes on the errors of all the libraries below it.
        why = f"the hub cannot be reached ({type(error).__name__}: {first_line(error)})"
        raise unusable(name, f"there is no such directory, and {why}") from error
    lacking = _lacking(folder)
    if lacking:
        raise unusable(name, f"the model on the hub has no {lacking}")
    return folder


def _files(api: HfApi, name: str, revision: str | None) -> tuple[str, list[str]]:
    info = api.model_info(name, revision=revision, timeout=PATIENCE_SECONDS)
    return info.sha, [file.rfilename for file in info.siblings]


def _conversion(api: HfApi, name: str) -> str | None:
    # Models from before safetensors, the default encoder among them, have a converted copy as a pull request of the
    # hub's own bot. transformers loads the same one.
    for discussion in api.get_repo_discussions(name, author=CONVERTER, discussion_type="pull_request"):
        if discussion.title == CONVERTED and discussion.status in ("open", "merged"):
            return discussion.git_reference
    return None
