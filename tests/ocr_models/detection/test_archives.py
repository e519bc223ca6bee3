"""Archives that anyone may have made: each ends soon, without much memory, and in one line that names what is wrong."""

from __future__ import annotations

import bz2
import lzma
import os
import resource
import socket
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from archives import SQUARE, packed
from hostile_archives import BZIP2, DEFLATED, LZMA, Member, deflated, forged
from ocr_models.detection import evaluation
from ocr_models.detection.archives import EvaluationError, Limits
from ocr_models.evaluation import evaluate_icdar2015, main
from suite import ROOT

NAME = "res_img_1.txt"
MEBIBYTE = 2**20
MOST_MEMORY = 64 * MEBIBYTE


@pytest.fixture
def gt_zip(tmp_path: Path) -> Path:
    return packed(tmp_path / "gt.zip", {"gt_img_1.txt": f"{SQUARE},word"})


def fault_of(gt_zip: Path, submission_zip: Path) -> str:
    """What is wrong, without the path; found with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(EvaluationError) as caught:
            evaluate_icdar2015(gt_zip, submission_zip)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message.removeprefix(f"{submission_zip}: ")


ALL = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("compression", ALL)
def test_an_archive_of_any_compression_is_read_and_a_damaged_one_is_named(
    compression: int, gt_zip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "submission.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(NAME, f"{SQUARE}\n{boxes(99, 7)}")
    assert evaluate_icdar2015(gt_zip, path)["recall"] == 1
    whole = path.read_bytes()
    first = 30 + len(NAME) + 4
    for place in range(first, first + 60, 6):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert fault_of(gt_zip, path).startswith(f"not a readable zip archive: {NAME} is damaged: ")


@pytest.mark.parametrize(
    ("member", "fault"),
    [
        (Member(NAME.encode(), b"x", 9, b"x"), "compression 9 is not supported; pack the files with deflate"),
        (Member(NAME.encode(), b"x", 99, b"x"), "compression 99 is not supported; pack the files with deflate"),
        (Member(NAME.encode(), b"x" * 20, flags=1), f"{NAME} is encrypted; pack the files without a password"),
        (Member(NAME.encode(), b"", LZMA, b"x"), f"{NAME} is damaged"),
        (Member(NAME.encode(), b"\1\2\3", BZIP2, b"x"), f"{NAME} is damaged"),
        (Member(NAME.encode(), b"x", size=2**32 - 1), "its files have 4294967295 bytes, at most 4194304 are read"),
    ],
)
def test_a_member_that_cannot_be_read_is_named(member: Member, fault: str, gt_zip: Path, tmp_path: Path) -> None:
    assert fault in fault_of(gt_zip, forged(tmp_path / "submission.zip", [member]))


ZEROS = bytes(16 * MEBIBYTE)
ONE = ZEROS[:MEBIBYTE]


def lzma_member(content: bytes, dictionary: int = 2**16) -> bytes:
    """As zip stores it: version, length of properties, properties, stream."""
    packer = lzma.LZMACompressor(lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 2**16}])
    alone = packer.compress(content) + packer.flush()
    return bytes([9, 4, 5, 0]) + alone[:1] + dictionary.to_bytes(4, "little") + alone[13:]


def bombs() -> dict[str, Callable[[], list[Member]]]:
    """Small archives of many bytes."""
    small = b"\0" * 100  # what the archive claims to contain
    return {
        "honest": lambda: [deflated(NAME, ZEROS)],
        "lying": lambda: [deflated(NAME, ZEROS, claimed=small)],
        "lying_bzip2": lambda: [Member(NAME.encode(), bz2.compress(ZEROS), BZIP2, small)],
        "lying_lzma": lambda: [Member(NAME.encode(), lzma_member(ZEROS), LZMA, small)],
        "dictionary_of_4_gb": lambda: [Member(NAME.encode(), lzma_member(small, 2**32 - 1), LZMA, small)],
        "many": lambda: [deflated(f"res_img_{number}.txt", bytes(MEBIBYTE)) for number in range(1, 30)],
        "overlapping": lambda: [
            Member(b"res_img_%d.txt" % number, ONE, shares=number > 1) for number in range(1, 3000)
        ],
        "many_names": lambda: [Member(b"res_img_%d.txt" % number) for number in range(1, 12_002)],
        "long_directory": lambda: [Member(b"%06d" % number * 1000) for number in range(1000)],
    }


@pytest.mark.parametrize("bomb", bombs())
def test_a_bomb_is_refused_before_it_is_unpacked(bomb: str, gt_zip: Path, tmp_path: Path) -> None:
    fault = fault_of(gt_zip, forged(tmp_path / "submission.zip", bombs()[bomb]()))
    assert "at most" in fault or "is damaged" in fault


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"res_img_1.txt\n\x1b[2J", r"'res_img_1.txt\n\x1b[2J': a submission contains only files named"),
        (b"../../etc/passwd", "'../../etc/passwd': a submission contains only files named"),
        (b"", "'': a submission contains only files named"),
        (b"x" * 65_535, "xxx...xxx"),
        (b"res_img_%s.txt" % (b"1" * 60_000), "111...111"),
        (b"res_img_1.txt/", "'res_img_1.txt/': a submission contains only files named"),
    ],
)
def test_an_absurd_name_of_a_member_is_shown_safely(name: bytes, shown: str, gt_zip: Path, tmp_path: Path) -> None:
    assert shown in fault_of(gt_zip, forged(tmp_path / "submission.zip", [Member(name)]))


def test_a_directory_is_not_read_if_it_is_larger_than_an_archive_needs(gt_zip: Path, tmp_path: Path) -> None:
    path = tmp_path / "submission.zip"
    end = forged(path, []).read_bytes()[:12] + (4 * 10**9).to_bytes(4, "little") + bytes(6)
    with path.open("wb") as file:
        file.truncate(5 * 10**9)  # sparse: it takes no space
        file.seek(0, os.SEEK_END)
        file.write(end)
    assert fault_of(gt_zip, path).endswith("its directory has 4000000000 bytes, at most 4194304 are read")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("fifo", "Not a regular file"), ("socket", "Not a regular file"), ("folder", "Is a directory")],
)
def test_what_is_not_a_regular_file_is_refused_at_once(
    kind: str, fault: str, gt_zip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        {"fifo": os.mkfifo, "folder": os.mkdir, "socket": lambda path: server.bind(str(path))}[kind](path)
    for archives in ((gt_zip, path), (path, gt_zip)):
        assert main([str(each) for each in archives]) == 2
        assert capsys.readouterr().err == f"error: {path}: cannot be read: {fault}\n"


@pytest.mark.parametrize("name", ["/dev/zero", "no/such/file", "x" * 5000, "new\nline\x1b[2J", "a\0b", "\udcff"])
def test_a_path_that_cannot_be_read_is_shown_safely(name: str, gt_zip: Path) -> None:
    assert "cannot be read: " in fault_of(gt_zip, Path(name))


def boxes(count: int, step: int, width: int = 50) -> str:
    """Texts in rows; at a distance of `step` pixels, so that they overlap or not."""
    corners = [(number % 150 * step, number // 150 * step) for number in range(count)]
    return "\n".join(f"{x},{y},{x + width},{y},{x + width},{y + width},{x},{y + width}" for x, y in corners)


def archives_of(folder: Path, lines: str) -> tuple[Path, Path]:
    truth = "\n".join(f"{line},w" for line in lines.splitlines())
    return packed(folder / "gt.zip", {"gt_img_1.txt": truth}), packed(folder / "submission.zip", {NAME: lines})


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param(
            boxes(10_001, 60),
            "with 10001 detections and 10001 annotated texts here, there are 100020001 pairs",
            marks=pytest.mark.slow,
        ),
        (boxes(500, 0), "too many texts overlap: at most 200000 intersections are computed"),
    ],
    ids=["10001_apart", "500_in_one_place"],
)
def test_more_texts_than_can_be_compared_in_seconds_are_refused(lines: str, fault: str, tmp_path: Path) -> None:
    found = fault_of(*archives_of(tmp_path, lines))
    assert found.startswith(f"{NAME}: too many texts")
    assert fault in found


def test_texts_that_cross_themselves_count_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_INTERSECTIONS", 100)
    assert evaluate_icdar2015(*archives_of(tmp_path, boxes(9, 0)))["hmean"] == 1
    assert fault_of(*archives_of(tmp_path, "0,0,10,10,10,0,0,10\n" * 9)).startswith(f"{NAME}: too many texts overlap")


def test_our_own_archives_have_no_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_INTERSECTIONS", "MAX_COMPARISONS", "PAIRS_AT_ONCE"):
        monkeypatch.setattr(evaluation, name, 8)
    monkeypatch.setattr(evaluation, "LIMITS", Limits(0, 0))
    archives = archives_of(tmp_path, boxes(9, 0))
    assert fault_of(*archives)
    assert evaluate_icdar2015(*archives, bounded=False)["hmean"] == 1


def test_many_texts_that_lie_apart_are_scored_in_little_memory(tmp_path: Path) -> None:
    archives = archives_of(tmp_path, boxes(2000, 60))
    tracemalloc.start()
    assert evaluate_icdar2015(*archives)["hmean"] == 1
    assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    tracemalloc.stop()


@pytest.mark.slow
def test_the_command_survives_a_bomb_of_3_gb_with_little_memory(gt_zip: Path, tmp_path: Path) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    piece = packer.compress(ONE) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = Member(NAME.encode(), piece * 3000 + packer.flush(), DEFLATED, size=3000 * MEBIBYTE)
    path = forged(tmp_path / "submission.zip", [bomb])
    done = subprocess.run(
        [sys.executable, "-m", "ocr_models.evaluation", gt_zip, path],
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9)),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}: its files have 3145728000 bytes, at most 4194304 are read")
    assert done.stderr.count("\n") == 1
