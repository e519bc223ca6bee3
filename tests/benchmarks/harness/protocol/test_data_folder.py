from __future__ import annotations

import threading
from pathlib import Path

from benchmarks.harness.protocol.data_folder import publish_data_folder, wait_for_data_folder


def test_a_rank_waits_until_the_folder_is_published(tmp_path: Path) -> None:
    folder = "/data of\r\nsomeone/\udcff"  # any name that a file system allows
    later = threading.Timer(0.05, publish_data_folder, (tmp_path, folder))
    later.start()
    assert wait_for_data_folder(tmp_path) == folder
    later.join()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
