"""Which topics are meant, and where reading begins."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdrtui.errors import SettingsError
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.start import check_start, start_time
from xdrtui.sources.connection import connection
from xdrtui.sources.topics import check_topics, expression, is_own, named, value_for, wanted

NAMES = st.text("ab.-_x", min_size=1, max_size=6) | st.sampled_from(
    ["xdrtui-findings", "__consumer_offsets", "a.dlq", "windows-events"]
)
PATTERNS = st.lists(st.text("ab.-*?", min_size=1, max_size=5), min_size=1, max_size=4)


@given(PATTERNS, NAMES)
def test_a_subscription_means_what_the_list_means(patterns: list[str], topic: str) -> None:
    assert bool(re.compile(expression(patterns)).match(topic)) == named(patterns, topic)


@given(PATTERNS, NAMES)
def test_a_pattern_never_means_a_topic_of_our_own(patterns: list[str], topic: str) -> None:
    if is_own(topic) and topic not in patterns:
        assert not named(patterns, topic)


def test_names_and_patterns_together_give_a_sorted_list() -> None:
    topics = ["zeek", "win-2", "win-1", "xdrtui-findings", "win-1.dlq", "__x"]
    assert wanted(["win-*", "zeek"], topics) == ["win-1", "win-2", "zeek"]
    assert wanted(["*"], topics) == ["win-1", "win-2", "zeek"]


@pytest.mark.parametrize("topic", ["__consumer_offsets", "xdrtui-findings", "events.dlq", "a b", "a\x1b", ""])
def test_a_topic_of_our_own_and_what_is_no_name_are_refused(topic: str) -> None:
    with pytest.raises(SettingsError, match=r"kafka\.topics"):
        check_topics([topic])


@pytest.mark.parametrize(
    "own", [{"dead_letter_topic": "win-dead"}, {"mode": "fleet", "findings_topic": "win-f"}]
)
def test_a_topic_that_we_write_to_is_not_read_by_a_pattern(own: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="which xdrtui itself writes to"):
        connection(KafkaSettings.model_validate({"brokers": ["k:1"], "topics": ["win-*"], **own}))


def test_a_topics_own_layout_stands_over_a_patterns() -> None:
    table = {"win-*": "windows", "win-x": "zeek"}
    assert [value_for(table, each) for each in ("win-1", "win-x", "other")] == ["windows", "zeek", ""]


def test_the_start_is_a_word_a_time_or_so_long_ago() -> None:
    now = 1_000_000 * 10**9
    assert start_time("earliest", now) is None and start_time("latest", now) is None
    assert start_time("6h", now) == now - 6 * 3_600 * 10**9
    assert start_time("1970-01-02T01:00+01:00", now) == 86_400 * 10**9
    assert start_time("1970-01-01T00:00:00.5Z", now) == 5 * 10**8


@pytest.mark.parametrize("text", ["", "now", "2026-11-20T08:00", "-6h", "6", "6y", "20261120", "99999999h"])
def test_any_other_start_is_refused_with_what_may_be_written(text: str) -> None:
    with pytest.raises(ValueError, match="write earliest, latest, a time with its zone"):
        check_start(text)
