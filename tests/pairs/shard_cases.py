"""Small shards for the tests of what comes in: as webdataset's own writer makes them, and as nobody's should."""

import io
import tarfile

import webdataset
from PIL import Image


def png(number):
    """A photo of its own colour."""
    content = io.BytesIO()
    Image.new("RGB", (4, 4), (number % 256, number // 256, 9)).save(content, "PNG")
    return content.getvalue()


def sample(number, **more):
    """A sample as img2dataset writes it."""
    fields = {"caption": f"caption {number}", "url": f"http://x/{number}", "key": f"{number:09d}", "width": 4, "exif": "{}"}
    return {"__key__": f"{number:09d}", "png": png(number), "txt": f"caption {number}", "json": fields | more}


def write_shards(folder, samples, per_shard=100):
    """What webdataset's own writer makes of samples; returns the folder."""
    folder.mkdir(parents=True)
    with webdataset.ShardWriter(str(folder / "%05d.tar"), maxcount=per_shard, verbose=0) as sink:
        for one in samples:
            sink.write(one)
    return folder


def write_tar(path, *members):
    """A tar of (TarInfo or name, bytes); returns its path."""
    with tarfile.open(path, "w") as archive:
        for info, data in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            if info.isreg():
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def details(problems):
    """Kind and detail of each problem."""
    return problems.table()[["problem", "detail"]].to_numpy().tolist()
