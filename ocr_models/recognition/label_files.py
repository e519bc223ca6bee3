"""Label files of words: PaddleOCR's, ICDAR 2015's and MMOCR's. The first line says which one it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ocr_models.errors import DataError, shown
from ocr_models.images.reading import IMAGE_SUFFIXES
from ocr_models.recognition.word_set import Layout
from ocr_models.text_lines import LineError, located, read_lines, read_text

MAX_LABEL_FILE_BYTES = 2**32

Sample = tuple[str, str]
"""Path of an image as written in the label file, and its transcription."""

Located = tuple[str, Sample]
"""Location within the label file, ":7" or ": data_list entry 7", and a sample."""

Parse = Callable[[str], list[Sample]]

_ESCAPED = re.compile(r'\\(["\\])')


def read_labels(label_file: Path) -> tuple[Layout, Iterator[Located]]:
    """The layout of a label file, and all its words.

    Raises:
        DataError: if it cannot be read or a line is malformed; also while it is iterated.
    """
    if label_file.suffix == ".json":
        return "mmocr", _read_data_list(label_file)
    lines = read_lines(label_file, MAX_LABEL_FILE_BYTES)
    first = next(lines, None)
    if first is None:
        return "paddleocr", iter(())
    layout, parse = _format(first[1])
    return layout, _read_samples(label_file, _chained(first, lines), parse)


def _read_samples(label_file: Path, lines: Iterator[tuple[int, str]], parse: Parse) -> Iterator[Located]:
    for number, line in lines:
        with located(label_file, number):
            samples = parse(line)
        place = f":{number}"
        for sample in samples:
            yield place, sample


def _chained(first: tuple[int, str], lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from lines


def _format(line: str) -> tuple[Layout, Parse]:
    """How the lines of a file are read whose first line is this one."""
    if "\t" in line:
        return "paddleocr", _parse_tab
    if line.lstrip().startswith("{"):
        return "mmocr", _parse_json
    name, comma, _ = line.partition(",")
    if comma and name.strip().lower().endswith(IMAGE_SUFFIXES):
        return "icdar2015", _parse_icdar
    return "mmocr", _parse_blank


def _parse_tab(line: str) -> list[Sample]:
    """`path TAB text`, or a JSON list of paths instead of one: several images of one word."""
    field, tab, text = line.partition("\t")
    if not tab:
        raise LineError("no TAB; a line is: image path, TAB, text")
    if not field.startswith("["):
        return [(field, text)]
    try:
        names = json.loads(field)
    except ValueError:
        return [(field, text)]  # a path may begin with a bracket
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise LineError(f"not a JSON list of image paths: {shown(field, 80)}")
    return [(name, text) for name in names]


def _parse_icdar(line: str) -> list[Sample]:
    """`word_1.png, "text"`; quotes and backslashes within the text are escaped with a backslash."""
    name, comma, text = line.partition(",")
    if not comma:
        raise LineError('no comma; a line is: word_1.png, "text"')
    text = text.strip()
    if not text.startswith('"'):
        return [(name.strip(), text)]
    if len(text) < 2 or not text.endswith('"'):
        raise LineError(f"no quotation mark at the end of {shown(text, 40)}")
    return [(name.strip(), _ESCAPED.sub(r"\1", text[1:-1]))]


def _parse_blank(line: str) -> list[Sample]:
    """`path text`, split at the first blank."""
    name, blank, text = line.partition(" ")
    if not blank:
        raise LineError("no blank; a line is: image path, blank, text")
    return [(name, text)]


def _parse_json(line: str) -> list[Sample]:
    """`{"filename": path, "text": text}`."""
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise LineError(f'not JSON {{"filename": ..., "text": ...}}: {shown(error, 160)}') from error
    return [_fields(entry, "filename", entry)]


def _read_data_list(label_file: Path) -> Iterator[Located]:
    """MMOCR 1.x: `{"data_list": [{"img_path": path, "instances": [{"text": text}]}]}`."""
    form = '{"data_list": [{"img_path": ..., "instances": [{"text": ...}]}]}'
    try:
        content = json.loads(read_text(label_file, MAX_LABEL_FILE_BYTES))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown(label_file)}: not JSON {form}: {shown(error, 160)}") from error
    entries = content.get("data_list") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DataError(f"{shown(label_file)}: not JSON {form}: it has no list data_list")
    for number, entry in enumerate(entries, start=1):
        try:
            sample = _fields(entry, "img_path", _only_instance(entry))
        except LineError as error:
            raise DataError(f"{shown(label_file)}: data_list entry {number}: {error}") from error
        yield f": data_list entry {number}", sample


def _only_instance(entry: object) -> object:
    instances = entry.get("instances") if isinstance(entry, dict) else None
    if not isinstance(instances, list) or len(instances) != 1:
        raise LineError(f"instances is not a list of one text: {shown(entry, 80)}")
    return instances[0]


def _fields(entry: object, key: str, texts: object) -> Sample:
    name = entry.get(key) if isinstance(entry, dict) else None
    text = texts.get("text") if isinstance(texts, dict) else None
    if not isinstance(name, str) or not isinstance(text, str):
        raise LineError(f"no texts {key} and text: {shown(entry, 80)}")
    return name, text
