import io
import tarfile

import pytest
from shard_cases import details, sample

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


def link(name, kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_members_that_are_no_files_of_the_archive_are_refused(tar):
    device = tarfile.TarInfo("d.jpg")
    device.type = tarfile.CHRTYPE
    path = tar(
        ("ok.jpg", b"1"), ("ok.txt", b"fine"), (link("s.jpg", tarfile.SYMTYPE), b""),
        (link("h.jpg", tarfile.LNKTYPE, "ok.jpg"), b""), (device, b""), ("/etc/a.jpg", b"1"), ("x/../../b.jpg", b"1"),
        ("..\\c.jpg", b"1"), ("./also.jpg", b"2"), ("./also.txt", b"fine too"),
    )
    problems = Problems()
    records = read_records(path, problems)
    assert records.columns["key"].to_pylist() == ["ok", "also"]
    assert details(problems) == [["refused member", detail] for detail in (
        "'s.jpg' is a link to '/etc/passwd'", "'h.jpg' is a link to 'ok.jpg'", "'d.jpg' is no regular file",
        "'/etc/a.jpg' has a name that leads out of the archive", "'x/../../b.jpg' has a name that leads out of the archive",
        "'..\\\\c.jpg' has a name that leads out of the archive",
    )]
    assert problems.table()["row"].tolist() == [-1] * 6


def test_of_a_truncated_tar_what_is_whole_is_read(shards):
    file = shards([sample(i) for i in range(4)]) / "00000.tar"
    whole, damages = file.read_bytes(), set()
    with tarfile.open(file) as archive:
        ends = {m.name: m.offset_data + m.size for m in archive}
    for size in range(600, len(whole), 311):
        file.write_bytes(whole[:size])
        problems = Problems()
        try:
            keys = read_records(file, problems).columns["key"].to_pylist()
        except PairsError as error:
            assert "holds no samples" in str(error)
            keys = []
        assert set(keys) >= {name.split(".")[0] for name in ends if all(
            end <= size for other, end in ends.items() if other.split(".")[0] == name.split(".")[0])}
        damages |= set(problems.table()["problem"])
    assert damages == {"damaged shard"}


def hostile(header):
    """A tar whose first header has been bent by ``header(bytearray)``, with its checksum made right."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in ("a.jpg", "a.txt"):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    data = bytearray(content.getvalue())
    header(data)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def negative_size(data):
    data[124:136] = b"\xff" * 11 + b"\x00"


def endless_name(data):
    data[156:157], data[124:136] = b"L", b"\x80" + b"\0" * 7 + b"\x7f" * 4


def endless_attributes(data):
    data[156:157], data[124:136] = b"x", b"\x80" + b"\x7f" * 11


@pytest.mark.parametrize("header", [negative_size, endless_name, endless_attributes])
def test_headers_that_lie_about_their_size_end_the_walk(tmp_path, header):
    (tmp_path / "a.tar").write_bytes(hostile(header))
    with pytest.raises(PairsError, match=r"holds no samples.*damaged shard"):
        read_records(tmp_path / "a.tar", Problems())


def test_a_number_that_would_take_the_parser_hours_ends_the_walk(tmp_path):
    content = io.BytesIO()
    info = tarfile.TarInfo("a.jpg")
    info.pax_headers = {"comment": "1" * 60_000}
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO())
    (tmp_path / "a.tar").write_bytes(content.getvalue())
    with pytest.raises(PairsError, match="a number without end"):
        read_records(tmp_path / "a.tar", Problems())
