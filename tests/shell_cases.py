"""Calling the shell from tests, and small pairs to call it with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from typer.testing import CliRunner, Result

from influencespace.cli import app
from influencespace.workspace import MADE_BY

ENCODER = Path(__file__).parents[1] / "influencespace" / "demo_encoder"
# As little work as the stages take.
QUICK = ("--repeats", "1", "--dimensions", "8", "--topics", "3", "--strata", "2")
WORDS = ("dog", "boat", "street", "kitchen", "mountain")


def shell(*arguments: object) -> Result:
    """Call ``python -m influencespace`` without a process of its own."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="python -m influencespace")


def refused(result: Result, *words: str) -> None:
    """A person's error: exit code 1, one message with these words, no stack trace."""
    assert result.exit_code == 1, result.output
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    for word in words:
        assert word in result.stderr
    assert "Traceback" not in result.output


def accepted(result: Result) -> Result:
    """The command has done its work."""
    assert result.exit_code == 0, result.output
    return result


def fingerprint(workspace: Path) -> dict[str, str]:
    """The content of every file of every artifact, and that nothing half-written lies about."""
    assert not [path for path in workspace.glob(".*") if path.name != ".lock"]
    files = [path for name in MADE_BY for path in sorted((workspace / name).rglob("*")) if path.is_file()]
    return {str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_pairs(folder: Path, count: int, **columns: list) -> Path:
    """``pairs.jsonl`` with photos of noise, each with a caption of its own."""
    draw = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(count):
        Image.fromarray(draw.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / "images" / f"{i}.png")
        rows.append({"image": f"images/{i}.png", "caption": f"a {WORDS[i % 5]} beside a {WORDS[i % 3]} {i}"})
    table = folder / "pairs.jsonl"
    rows = [row | {name: values[i] for name, values in columns.items()} for i, row in enumerate(rows)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return table


def write_embeddings(folder: Path, count: int = 80, seed: int = 0, **columns: list) -> Path:
    """A clip-retrieval folder: texts are images seen through another basis, a quarter of the pairs mismatched."""
    draw = np.random.default_rng(seed)
    image = draw.standard_normal((count, 6))
    text = image @ draw.standard_normal((6, 5)) + 0.3 * draw.standard_normal((count, 5))
    text[: count // 4] = text[: count // 4][::-1]
    for name, array in (("img_emb", image), ("text_emb", text)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        np.save(folder / name / f"{name}_0.npy", array.astype(np.float16))
    (folder / "metadata").mkdir(exist_ok=True)
    frame = pd.DataFrame({
        "image_path": [f"{i}.jpg" for i in range(count)],
        "caption": [f"a {WORDS[i % 5]} beside a {WORDS[i % 3]} {i}" for i in range(count)], **columns,
    })
    frame.to_parquet(folder / "metadata" / "metadata_0.parquet", index=False)
    return folder


def groups(count: int) -> list[str]:
    """Two groups, one after the other."""
    return ["woman" if i % 2 else "man" for i in range(count)]
