"""What texts of times mean, and how far the times of recorded data are believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdrtui.events.times import DAY, GOOD, OUTSIDE, SECOND, UNDATED, ReplayClock, parse_time

AT = 1_600_786_382 * SECOND  # 2020-09-22 14:53:02 UTC


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2020-09-22T14:53:02Z", AT),
        ("2020-09-22 14:53:02", AT),
        ("2020-09-22 14:53:02.123", AT + 123_000_000),
        ("2020-09-22T14:53:02.123456789Z", AT + 123_456_789),
        ("2020-09-22T14:53:02.1234567+00:00", AT + 123_456_700),
        ("2020-09-22T16:53:02+0200", AT),
        ("2020-09-22T16:53:02.5+02:00", AT + 500_000_000),
        ("2020/09/22 14:53:02 UTC", AT),
        ("2020-09-22 14:53:02,250", AT + 250_000_000),
        ("1600786382", AT),
        ("1600786382.5", AT + 500_000_000),
        ("1600786382123", AT + 123_000_000),
        ("1600786382123456", AT + 123_456_000),
        ("1600786382123456789", AT + 123_456_789),
        ("audit(1600786382.243:24287)", AT + 243_000_000),
        ("/Date(1600786382123)/", AT + 123_000_000),
        ("22/Sep/2020:16:53:02 +0200", AT),
        ("1601-01-01T00:00:00Z", None),
        ("2262-12-31T00:00:00Z", None),
        ("2020-13-22T14:53:02Z", None),
        ("2020-02-30T14:53:02Z", None),
        ("99999999999999999999", None),
        ("٢٠٢٠-09-22T14:53:02Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_texts_of_times(text: str, time: int | None) -> None:
    assert parse_time(text) == time
    assert parse_time(text) == time  # and again, from the cache


def test_a_stamp_without_a_year_is_the_latest_not_after_tomorrow() -> None:
    assert parse_time("Sep 22 14:53:02", AT) == AT
    assert parse_time("Sep 23 14:00:00", AT) == AT + DAY - 3_182 * SECOND
    december = parse_time("Dec 31 23:59:59", parse_time("2021-01-01T00:00:10Z"))
    assert december == parse_time("2020-12-31T23:59:59Z")
    assert parse_time("Sep 22 14:53:02") is None


@given(st.text(max_size=80), st.integers(0, 2**62) | st.none())
def test_no_text_is_too_odd(text: str, now: int | None) -> None:
    time = parse_time(text, now)
    assert time is None or 0 <= time < 2**63


def test_the_clock_goes_forward_with_the_events() -> None:
    clock = ReplayClock()
    ingest, quality = clock.fold([AT, AT + SECOND, AT - SECOND, None])
    assert ingest == [AT, AT + SECOND, AT + SECOND, AT + SECOND]
    assert list(quality) == [GOOD, GOOD, GOOD, UNDATED]


def test_one_event_from_the_future_does_not_move_the_clock() -> None:
    clock = ReplayClock()
    ingest, quality = clock.fold([AT, AT + 9_000 * DAY, AT + SECOND])
    assert ingest == [AT, AT, AT + SECOND]
    assert list(quality) == [GOOD, OUTSIDE, GOOD]


def test_after_a_gap_the_clock_follows_the_recording() -> None:
    clock = ReplayClock()
    later = [AT + 90 * DAY + second * SECOND for second in range(25)]
    ingest, quality = clock.fold([AT, *later])
    assert list(quality) == [GOOD] + [OUTSIDE] * 19 + [GOOD] * 6
    assert ingest[-1] == later[-1]


@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(AT, AT + DAY // 2), st.sampled_from([AT - 40 * DAY, AT + 400 * DAY])
        ),
        max_size=60,
    ),
    st.integers(1, 7),
)
def test_batches_and_restarts_change_nothing(times: list[int | None], size: int) -> None:
    whole = ReplayClock().fold(times)
    clock, ingest, quality = ReplayClock(), [], bytearray()
    for start in range(0, len(times), size):
        clock = ReplayClock.resume(clock.state())
        came, flags = clock.fold(times[start : start + size])
        ingest += came
        quality += flags
    assert (ingest, quality) == whole
