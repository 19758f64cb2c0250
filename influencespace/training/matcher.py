"""Where a model that reads a photo and a caption together starts: from weights of its own, or small, with the encoder's words.

What visualbert and lxmert have in common is here; the two files of these names say only what differs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from huggingface_hub import snapshot_download
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedModel

from influencespace.errors import TrainingError
from influencespace.features.encoder import Encoder
from influencespace.features.hub import first_line, weight_files

RIDGE = 0.1
# A small model sees each pair a few times and is far from knowing them by heart, while dropout hides the faint beginnings of
# matching: with 0.1 none of the planted pairs of the tests were learnt in the epochs in which they are without it.
DROPOUT = 0.0
FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


class Matcher(torch.nn.Module):
    """A cross encoder: words and grid cells in, whether they belong together out.

    Parameters
    ----------
    model
        Of ``model_class``.
    width
        Numbers in a cell.
    """

    name: ClassVar[str]
    model_class: ClassVar[type[PreTrainedModel]]
    model_type: ClassVar[str]
    # What the configuration calls the width of a cell.
    cell_width: ClassVar[str]

    def __init__(self, model: PreTrainedModel, width: int) -> None:
        super().__init__()
        self.model = model
        # Cells are standardised, so that one start and one learning rate serve any encoder.
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        # A buffer, so that a checkpoint knows it too.
        self.register_buffer("trained", torch.tensor(False))

    @classmethod
    def small(cls, text: PreTrainedConfig, width: int) -> PreTrainedConfig:
        """A configuration of a few layers as wide as the encoder's text tower."""
        raise NotImplementedError

    @property
    def base(self) -> PreTrainedModel:
        """The model without its heads; layers and embeddings are named as in BERT."""
        return getattr(self.model, self.model.base_model_prefix)

    @classmethod
    def source(cls, name: str, config: PreTrainedConfig) -> str:
        """The name in BERT of what a tensor of the base starts as; most have the same name in both."""
        return name

    @property
    def projection(self) -> torch.nn.Linear:
        """The map from cells to the width of the model."""
        raise NotImplementedError

    def forward(self, words: torch.Tensor, mask: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logit of belonging together (b,), and the states of the words (b, t, hidden).

        Parameters
        ----------
        words, mask
            (b, t) int64, the numbers of the words and 1 where there is one.
        cells
            (b, CELLS, width) grid features.
        """
        pooled, states = self.read(words, mask, (cells.to(self.mean) - self.mean) / self.deviation)
        head = self.model.cls.seq_relationship
        # Rounded to half precision, answers that differ would tie.
        with torch.autocast(pooled.device.type, enabled=False):
            scores = head(pooled.to(head.weight.dtype))
        return self.belonging(scores), states

    def read(self, words: torch.Tensor, mask: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The pooled state (b, hidden) and the states of the words (b, t, hidden)."""
        raise NotImplementedError

    @staticmethod
    def belonging(scores: torch.Tensor) -> torch.Tensor:
        """(b,) log odds of belonging together, from the two scores of the model's matching head."""
        raise NotImplementedError

    def predictions(self, states: torch.Tensor) -> torch.Tensor:
        """(k, vocabulary) logits of masked words, of their (k, hidden) states."""
        return self.model.cls.predictions(states)

    def standardise(self, cells: np.ndarray) -> None:
        """Take mean and deviation of each number of a cell from those of a sample of photos, (k, CELLS, width)."""
        flat = torch.from_numpy(np.asarray(cells, dtype=np.float32)).flatten(0, 1)
        self.mean.copy_(flat.mean(0))
        self.deviation.copy_(flat.std(0).clamp(min=1e-4))

    @torch.no_grad()
    def acquaint(self, cells: np.ndarray, image: np.ndarray, captions: list[list[int]], text: np.ndarray) -> None:
        """Let cells start where the words lie that the dual encoder would describe them with.

        One least-squares map leads from the mean cell of a photo to its vector, another from the vector of a caption to its mean
        word; as vectors of photos and captions share a space, one after the other leads from cells to words. No photo is
        ever looked at beside a caption, so that this says nothing of which pairs are sound.

        Parameters
        ----------
        cells, image
            (k, CELLS, width) grid features and (k, d) vectors of photos.
        captions, text
            Numbers of the words of k captions, and their (k, d) vectors.
        """
        cells = (np.asarray(cells, dtype=np.float64) - self.mean.numpy()) / self.deviation.numpy()
        embeddings = self.base.get_input_embeddings().weight.detach().numpy().astype(np.float64)
        words = np.stack([embeddings[one].mean(0) for one in captions])
        way = _least_squares(cells.mean(1), image) @ _least_squares(text, words)
        # Cells are as long as words, so that neither drowns the other.
        way *= embeddings.std() / max((cells @ way).std(), 1e-12)
        self.projection.weight.copy_(torch.from_numpy(way.T))
        self.projection.bias.zero_()


@dataclass(frozen=True)
class Start:
    """An untrained matcher and what goes with it.

    Attributes
    ----------
    matcher
        On the CPU.
    tokenizer
        Of its words.
    taken
        What it did not draw at random, for people.
    known
        Names of its parameters that another model had learnt before.
    strange
        Whether its map from cells was drawn at random.
    """

    matcher: Matcher
    tokenizer: Any
    taken: str
    known: frozenset[str]
    strange: bool


def start(kind: type[Matcher], model: str | None, encoder: Encoder, width: int, seed: int) -> Start:
    """A matcher from a directory or the hub, or, if ``model`` is None, a small one with the words of the encoder.

    Parameters
    ----------
    kind
        Which matcher.
    model
        A directory or a name on the hub with safetensors and a tokenizer; no code from there is run.
    encoder
        The dual encoder that sees the cells.
    width
        Numbers in a cell.
    seed
        Draws the weights that are taken from nowhere.

    Raises
    ------
    TrainingError
        If the model cannot be had or is of another type.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _small(kind, encoder, width) if model is None else _loaded(kind, model, width)


def _small(kind: type[Matcher], encoder: Encoder, width: int) -> Start:
    tower = encoder.model.text_model
    matcher = kind(kind.model_class(kind.small(tower.config, width)), width)
    own, theirs = matcher.base.state_dict(), tower.state_dict()
    # Other towers than BERT's name and wire their layers otherwise; their words are words all the same.
    words = {"embeddings.word_embeddings.weight": tower.get_input_embeddings().weight.detach()}
    theirs = theirs if tower.config.model_type == "bert" else words
    sources = {name: theirs.get(kind.source(name, matcher.model.config)) for name in own}
    fitting = {name: there for name, there in sources.items() if there is not None and there.shape == own[name].shape}
    matcher.base.load_state_dict(fitting, strict=False)
    numbers, total = (sum(t.numel() for t in part.values()) for part in (fitting, dict(matcher.named_parameters())))
    begun = (kind.source(name, matcher.model.config).split(".") for name in fitting)
    layers = {place[2] for place in begun if place[:2] == ["encoder", "layer"]}
    what = f"word embeddings and {len(layers)} text layers" if layers else "word embeddings"
    taken = f"{what} of the encoder: {numbers / total:.0%} of {total / 1e6:.1f} M weights"
    learnt = [parameter for name, parameter in matcher.base.named_parameters() if name in fitting]
    return Start(matcher, encoder.tokenizer, taken, _names(matcher, learnt), strange=True)


def _loaded(kind: type[Matcher], name: str, width: int) -> Start:
    folder = _folder(name)
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
        if found != kind.model_type:
            raise _unusable(name, f"its model type is {found}, not {kind.model_type}")
        model, report = kind.model_class.from_pretrained(
            folder, **{kind.cell_width: width}, ignore_mismatched_sizes=True, output_loading_info=True, dtype=torch.float32,
            use_safetensors=True, local_files_only=True, trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except TrainingError:
        raise
    except Exception as error:
        # Broken files make the libraries below raise almost anything.
        raise _unusable(name, f"it does not load ({type(error).__name__}: {first_line(error)})") from error
    drawn = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    taken = f"all weights of {name}" + (f" but {', '.join(drawn)}, drawn at random" if drawn else "")
    matcher = kind(model, width)
    new = {id(model.get_parameter(key)) for key in drawn}
    learnt = [parameter for parameter in model.parameters() if id(parameter) not in new]
    return Start(matcher, tokenizer, taken, _names(matcher, learnt), id(matcher.projection.weight) in new)


def _names(matcher: Matcher, parameters: list[torch.nn.Parameter]) -> frozenset[str]:
    wanted = set(map(id, parameters))
    return frozenset(name for name, parameter in matcher.named_parameters() if id(parameter) in wanted)


def _folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(name, allow_patterns=FILES))
        except Exception as error:
            # The hub client passes on the errors of all the libraries below it.
            why = f"there is no such directory, and the hub does not give it ({type(error).__name__}: {first_line(error)})"
            raise _unusable(name, why) from error
    if not weight_files(folder):
        raise _unusable(name, f"{folder} has no weights in safetensors")
    return folder


def _least_squares(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(a, b) matrix from (k, a) to (k, b), both centred, with a ridge of a tenth of the mean eigenvalue."""
    given, wanted = given - given.mean(0), wanted - wanted.mean(0)
    square = given.T @ given
    ridge = RIDGE * np.trace(square) / len(square) + np.finfo(float).eps
    return np.linalg.solve(square + ridge * np.eye(len(square)), given.T @ wanted)


def _unusable(name: str, why: str) -> TrainingError:
    return TrainingError(
        f"The model {name} cannot be used: {why}. Give --model a directory or a name on the hub, or leave it out for a small one."
    )
