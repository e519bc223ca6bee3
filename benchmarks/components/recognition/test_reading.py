"""The reading of a word set, compared with a plain pass over the same entries."""

from __future__ import annotations

from pathlib import Path

from benchmarks.components.reporting import RatioReport, component

pytestmark = component("reading words")

WORDS = 20_000


def test_reading_the_labels_of_an_lmdb(tmp_path: Path, ratio_report: RatioReport) -> None:
    """20,000 labels with PARSeq's rule, compared with a cursor that passes over them and decodes them."""
    import lmdb

    from ocr_models.parseq.labels import trained_label
    from ocr_models.recognition.lmdb_files import close_lmdb, open_lmdb
    from ocr_models.recognition.lmdb_words import COUNT_KEY, image_key, label_key
    from ocr_models.recognition.reading import read_word_set

    folder = tmp_path / "train"
    with lmdb.open(str(folder), map_size=2**27) as environment, environment.begin(write=True) as entries:
        entries.put(COUNT_KEY.encode(), str(WORDS).encode())
        for number in range(1, WORDS + 1):
            entries.put(image_key(number).encode(), bytes(500))
            entries.put(label_key(number).encode(), b"Word%d" % number)

    def read() -> None:
        assert len(read_word_set(tmp_path, "train", trained_label)) == WORDS

    def pass_over() -> None:
        with open_lmdb(folder).begin() as transaction, transaction.cursor() as cursor:
            cursor.set_range(label_key(1).encode())
            labels = [value.decode() for key, value in cursor if key.startswith(b"label-")]
        assert len(labels) == WORDS

    ratio_report.compare("time to read words / of a pass over their labels", read, pass_over, "at most", 15, rounds=7)
    close_lmdb(folder)
