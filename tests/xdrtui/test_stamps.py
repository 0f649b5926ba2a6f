"""When a Kafka message came in, whatever its producer says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from xdrtui.sources.stamps import LOG_APPEND_TIME, REPLAY_CLOCK, ingest_times, replay_times, stamp

NOW = 1_800_000_000 * 10**9


class Message(msgspec.Struct):
    timestamp: int
    timestamp_type: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


def test_a_replay_clock_comes_back() -> None:
    assert replay_times([Message(5, headers=[stamp(NOW)]), Message(5)]) == [NOW, 5_000_000]


@pytest.mark.parametrize("clock", [b"\xff" * 8, b"\x80" + bytes(7)])
def test_a_forged_clock_is_a_time_that_can_be_stored(clock: bytes) -> None:
    times = replay_times([Message(0, headers=[(REPLAY_CLOCK, clock)]), Message(2**63 - 1), Message(-(2**63))])
    assert all(0 <= time < 2**63 - 1 for time in times)


def test_a_brokers_clock_is_taken_as_far_as_it_can_be_stored() -> None:
    messages = [Message(7, LOG_APPEND_TIME), Message(2**63 - 1, LOG_APPEND_TIME), Message(2**63 - 1)]
    first, second, third = ingest_times(messages, NOW)
    assert (first, third) == (7_000_000, NOW)
    assert NOW < second < 2**63
