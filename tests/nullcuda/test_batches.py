"""Batches are copied to the device on a stream of their own, and the host does not wait for them."""

from __future__ import annotations

from tests.nullcuda.conftest import OnDevice


def test_a_batch_is_copied_on_its_own_stream_into_memory_used_in_turns(on_device: OnDevice) -> None:
    found = on_device("batches:copied", [1, 2, 3, 4, 5, 6])
    assert found["own_stream"]
    assert found["in_turns"] == [True, False, True, False]
    assert found["values"] == [[5], [6]]
    waits = {"device_waits", "stream_waits", "event_waits", "pageable_copies", "mallocs", "launches"}
    assert not waits & found["counts"].keys()
    assert found["counts"]["copies"] == 4
