"""What a curator can say about the pairs that come in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from influencespace.errors import OptionError
from influencespace.options import Options, flag, option

CAPTIONS = ("all", "first")
LEXICON = ("gender_words", "age_words")


@dataclass(frozen=True)
class ImportOptions(Options):
    """Where the pairs lie, what their columns mean, and how photos are held out.

    Raises
    ------
    OptionError
        If a value is out of bounds, or two options contradict each other.
    """

    source: str = option(
        dataclasses.MISSING,
        "A table of pairs (.csv, .tsv, .jsonl, .parquet), JSON (.json: records, COCO captions, Karpathy's splits), captions of "
        "Flickr8k and Flickr30k (.token, .txt), a folder of WebDataset shards (.tar), of Parquet files, of DataComp metadata, of "
        "a saved Hugging Face data set or of clip-retrieval embeddings, files as 'NAME/{00000..00099}.tar' or "
        "'NAME/train-*.parquet', or hf:OWNER/NAME or hf:OWNER/NAME/CONFIG.",
    )
    images: str | None = option(
        None,
        "Folder that image paths are relative to; no image is read from outside of it. Default: the table's folder. Embeddings "
        "need no images.",
    )
    heldout_images: str | None = option(
        None, "Folder that image paths of --validation and --test are relative to. Default: --images, else their folder."
    )
    image_column: str = option(
        "image",
        "Column with the path of the image, or in Parquet with its bytes; where there is no image column, image_path, "
        "file_name, jpg, png, webp, filepath and filename serve.",
    )
    caption_column: str | None = option(
        None,
        "Column with the caption, with a list of captions, or with a conversation, whose first answer is the caption. Default: "
        "caption, else captions, text, title, raw or conversations.",
    )
    id_column: str | None = option(
        None,
        "Column that names each row. Default: of shards the key, of DataComp the uid, else the number of the row, from 1.",
    )
    image_embedding: str | None = option(
        None,
        "Column of Parquet with the embeddings of the images, or array in DataComp's npz. Default: image_embedding; of DataComp "
        "b32_img (l14_img is the other).",
    )
    text_embedding: str | None = option(
        None, "The same of the texts. Default: text_embedding; of DataComp b32_txt (l14_txt is the other)."
    )
    captions: str = option(
        "all", "Of a training photo with several captions, make one pair of each, or of the first only.", choices=CAPTIONS
    )
    validation_captions: str = option(
        "all", "The same for photos that are held out for validation and test.", choices=CAPTIONS
    )
    filter: tuple[str, ...] = option((), "Take only rows with COLUMN=VALUE; given several times, all must hold.")
    groups: tuple[str, ...] = option(
        (),
        "Column with a group attribute, as NAME or as NAME:VALUE1,VALUE2 to compare only these values. "
        "Can be given several times.",
    )
    lexicon: tuple[str, ...] = option(
        (),
        "Group attribute to read from the words of the captions. It says how people were written about, never who "
        "they are.",
        choices=LEXICON,
    )
    validation: str | None = option(
        None,
        "Table or folder of the same kind with photos to hold out; half of them become validation and half test, "
        "unless --test is given. Default: photos are drawn from the source.",
    )
    validation_filter: tuple[str, ...] = option((), "Like --filter, for the rows of --validation.")
    test: str | None = option(None, "Table or folder with the photos for the test; --validation is then not halved.")
    test_filter: tuple[str, ...] = option((), "Like --filter, for the rows of --test.")
    holdout_column: str | None = option(
        None,
        "Column of the source that says train (or training, restval), validation (or val, valid, dev) or test; of "
        "validation and test, the one that is there is halved if the other is not.",
    )
    holdout: float = option(
        0.2,
        "Share of the photos to draw for validation and test together, half each, where nothing else holds photos out.",
        minimum=0.01, maximum=0.9,
    )
    swap: bool = option(
        False, "Exchange validation and test, so that of two workspaces each half of the held-out photos is once the test."
    )
    seed: int = option(0, "Seed of drawing and halving.", minimum=0, maximum=2**32 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filter", "validation_filter", "test_filter"):
            for condition in getattr(self, name):
                if not condition.partition("=")[0] or "=" not in condition:
                    raise OptionError(f"{flag(name)} must be COLUMN=VALUE, not {condition!r}.")
        for spec in self.groups:
            name, colon, values = spec.partition(":")
            if not name or (colon and not all(values.split(","))):
                raise OptionError(f"{flag('groups')} must be NAME or NAME:VALUE1,VALUE2, not {spec!r}.")
        names = [spec.partition(":")[0] for spec in self.groups]
        for values, option_name in ((names, "groups"), (self.lexicon, "lexicon")):
            repeated = sorted({value for value in values if list(values).count(value) > 1})
            if repeated:
                raise OptionError(f"{flag(option_name)} names {repeated[0]!r} twice.")
        if (self.image_embedding is None) != (self.text_embedding is None):
            raise OptionError(f"Give both {flag('image_embedding')} and {flag('text_embedding')}, or neither.")
        if self.holdout_column and (self.validation or self.test):
            raise OptionError("Give either --holdout-column or --validation and --test, not both.")
        for needed, given in (("validation", "test"), ("validation", "validation_filter"), ("test", "test_filter")):
            if getattr(self, given) and not getattr(self, needed):
                raise OptionError(f"{flag(given)} needs {flag(needed)}.")

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """The group attributes by name, with the values to compare; none means all that validation photos have."""
        asked = {}
        for spec in self.groups:
            name, _, values = spec.partition(":")
            asked[name] = tuple(values.split(",")) if values else ()
        return asked | {name: () for name in self.lexicon if name not in asked}
