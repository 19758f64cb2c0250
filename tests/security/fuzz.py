"""Readers against damaged files: what is read is rows and problems, or an InfluenceSpaceError, and nothing else ever.

``python -m tests.security.fuzz TARGET --seconds 60`` looks for bytes that make a reader fail, guided by what code they reach
(atheris). The tests of this folder try a few hundred damaged files of each target with hypothesis.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

if __name__ == "__main__":
    import atheris

    followed = atheris.instrument_imports(include=["influencespace"])
else:
    followed = contextlib.nullcontext()
with followed:  # atheris follows the code that is imported here
    from influencespace.errors import InfluenceSpaceError
    from influencespace.export.plan import rebuild
    from influencespace.features.photos import load_photo
    from influencespace.integrity import RECORD
    from influencespace.pairs.images import check_images
    from influencespace.pairs.options import ImportOptions
    from influencespace.pairs.reading import read_pairs
    from influencespace.pairs.statistics import photo_statistics
    from influencespace.progress import silent
    from influencespace.ui import thumbnails
    from influencespace.workspace import Workspace

PAIRS = 6


def image(side: int = 8, shade: int = 0, form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 90, 30)).save(content, form)
    return content.getvalue()


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def csv_seed() -> bytes:
    return b"image,caption,kind\n" + b"".join(b'%d.png,"a dog, %d",x\n' % (i, i) for i in range(PAIRS))


def jsonl_seed() -> bytes:
    rows = ({"image": f"{i}.png", "caption": ["a dog", f"{i}"], "n": i, "deep": {"a": [1]}} for i in range(PAIRS))
    return b"\n".join(json.dumps(row).encode() for row in rows)


def columns() -> pa.Table:
    classes = {"info": {"features": {"place": {"names": ["home", "street"], "_type": "ClassLabel"}}}}
    return pa.table({
        "image": [{"bytes": image(shade=i), "path": f"{i}.png"} for i in range(PAIRS)],
        "caption": [f"a dog {i}" for i in range(PAIRS)], "place": [i % 2 for i in range(PAIRS)],
    }).replace_schema_metadata({"huggingface": json.dumps(classes)})


def parquet_seed() -> bytes:
    content = io.BytesIO()
    pq.write_table(columns(), content)
    return content.getvalue()


def arrow_seed() -> bytes:
    content, table = io.BytesIO(), columns()
    with pa.ipc.new_stream(content, table.schema) as stream:
        stream.write_table(table)
    return content.getvalue()


def coco_seed() -> bytes:
    numbers = range(PAIRS)
    return json.dumps({
        "images": [{"id": i, "file_name": f"{i}.png"} for i in numbers],
        "annotations": [{"id": i, "image_id": i, "caption": f"a dog {i}"} for i in numbers],
    }).encode()


def karpathy_seed() -> bytes:
    return json.dumps({"images": [
        {"filename": f"{i}.png", "filepath": ".", "split": "train", "n": i, "sentences": [{"raw": f"a dog {i}"}, {"raw": "b"}]}
        for i in range(PAIRS)
    ]}).encode()


def records_seed() -> bytes:
    return json.dumps([
        {"image": f"{i}.png", "raw": f"['a dog', \"{i}\"]", "conversations": [{"from": "gpt", "value": f"a dog {i}"}]}
        for i in range(PAIRS)
    ]).encode()


def flickr_seed() -> bytes:
    return b"".join(b"%d.png#%d\ta dog %d\n" % (i, i % 2, i) for i in range(PAIRS))


def tar_seed() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for i in range(PAIRS):
            members = (("png", image(shade=i)), ("txt", b"a dog %d" % i), ("json", b'{"n": 1, "similarity": 0.3}'))
            for kind, data in members:
                entry = tarfile.TarInfo(f"{i:04}.{kind}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def npy_seed() -> bytes:
    return npy(np.arange(PAIRS * 4, dtype=np.float16).reshape(PAIRS, 4) + 1)


def npz_seed() -> bytes:
    content = io.BytesIO()
    vectors = np.arange(PAIRS * 4, dtype=np.float16).reshape(PAIRS, 4) + 1
    np.savez(content, b32_img=vectors, b32_txt=vectors)
    return content.getvalue()


def plan_seed() -> bytes:
    return json.dumps({
        "format": 1, "pairs": 2, "ids": ["a", "b"], "weights": [[1.0, 1], [2.0, 1]], "clusters": {
            "0.0": {"topic": 0, "name": "dog", "reason": "fits"}}, "topics": {"0": "dog"}, "members": [["0.0", 2]],
        "dispositions": [["keep", 1], ["up-weight", 1]],
    }).encode()


def record_seed() -> bytes:
    return json.dumps({
        "stage": "import", "options": {"seed": 0}, "inputs": {}, "content": "0" * 32, "digest": "0" * 32,
        "created": "2026-01-01T00:00:00+00:00", "seconds": 1.0, "version": "0", "facts": {"source": "x", "counts": {"train": 1}},
        "files": {},
    }).encode()


def decisions_seed() -> bytes:
    return json.dumps({"topics": {"0": "keep"}, "clusters": {"0.1": "prune"}, "pairs": {"a": "keep"}}).encode()


def _import(folder: Path, source: Path) -> None:
    for i in range(PAIRS):
        (folder / f"{i}.png").write_bytes(image(shade=10 * i))
    (folder / "copied").mkdir(exist_ok=True)
    read_pairs(ImportOptions(source=str(source), holdout=0.8), silent, folder / "copied")


def _of_a_file(name: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, data: bytes) -> None:
        (folder / name).write_bytes(data)
        _import(folder, folder / name)
    return read


def _embeddings(folder: Path, data: bytes) -> None:
    source = folder / "embeddings"
    for part in ("img_emb", "text_emb", "metadata"):
        (source / part).mkdir(parents=True, exist_ok=True)
    (source / "img_emb" / "img_emb_0.npy").write_bytes(data)
    (source / "text_emb" / "text_emb_0.npy").write_bytes(npy_seed())
    pq.write_table(pa.table({"caption": [f"a dog {i}" for i in range(PAIRS)]}), source / "metadata" / "metadata_0.parquet")
    _import(folder, source)


def _datacomp(folder: Path, data: bytes) -> None:
    source = folder / "datacomp"
    source.mkdir(exist_ok=True)
    (source / "a.npz").write_bytes(data)
    texts = [f"a dog {i}" for i in range(PAIRS)]
    pq.write_table(pa.table({"uid": [f"{i:032x}" for i in range(PAIRS)], "text": texts, "url": texts}), source / "a.parquet")
    _import(folder, source)


def _photo(folder: Path, data: bytes) -> None:
    file = folder / "photo"
    file.write_bytes(data)
    [found] = check_images([str(file)], silent).values()
    thumbnails.large(str(file))
    photo_statistics([str(file)])
    try:
        load_photo(str(file))
    except Exception:
        if not found.problem:
            raise  # what is let in can be read later


def _plan(folder: Path, data: bytes) -> None:
    try:
        plan = json.loads(data)
    except (ValueError, RecursionError):
        return
    pairs = {"id": ["a", "b", "c"], "image": "x", "caption": "y", "split": ["train", "train", "test"]}
    rebuild(plan, pd.DataFrame(pairs | {"row": [1, 2, 3], "image_path": "x", "photo": "p"}))


def _record(folder: Path, data: bytes) -> None:
    workspace = Workspace(folder / "workspace", create=True)
    artifact = workspace.path / "pairs"
    artifact.mkdir(exist_ok=True)
    (artifact / RECORD).write_bytes(data)
    for look in (workspace.find, workspace.state, workspace.recorded):
        look("pairs")


def _decisions(folder: Path, data: bytes) -> None:
    workspace = Workspace(folder / "workspace", create=True)
    (workspace.path / "decisions.json").write_bytes(data)
    workspace.decisions()


TARGETS: dict[str, tuple[Callable[[Path, bytes], None], Callable[[], bytes]]] = {
    "csv": (_of_a_file("pairs.csv"), csv_seed), "jsonl": (_of_a_file("pairs.jsonl"), jsonl_seed),
    "parquet": (_of_a_file("pairs.parquet"), parquet_seed), "arrow": (_of_a_file("pairs.arrow"), arrow_seed),
    "coco": (_of_a_file("captions.json"), coco_seed), "karpathy": (_of_a_file("dataset.json"), karpathy_seed),
    "records": (_of_a_file("records.json"), records_seed), "flickr": (_of_a_file("a.token"), flickr_seed),
    "tar": (_of_a_file("00000.tar"), tar_seed), "npy": (_embeddings, npy_seed), "npz": (_datacomp, npz_seed),
    "png": (_photo, image), "jpeg": (_photo, lambda: image(form="JPEG")), "gif": (_photo, lambda: image(form="GIF")),
    "webp": (_photo, lambda: image(form="WEBP")), "tiff": (_photo, lambda: image(form="TIFF")), "plan": (_plan, plan_seed),
    "record": (_record, record_seed), "decisions": (_decisions, decisions_seed),
}


def attempt(target: str, data: bytes) -> bool:
    """Whether the target reads the bytes; errors for people are expected, all others go through."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            TARGETS[target][0](Path(folder), data)
        except InfluenceSpaceError:
            return False
    return True


def main() -> None:
    """Fuzz one target for a while; ends with the bytes and the trace of the first failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as corpus:
        (Path(corpus) / "seed").write_bytes(TARGETS[asked.target][1]())
        limits = ["-max_len=20000", "-rss_limit_mb=4000", "-timeout=20"]
        flags = [f"-max_total_time={asked.seconds}", "-print_final_stats=1", *limits]
        atheris.Setup([sys.argv[0], *flags, corpus], lambda data: attempt(asked.target, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
