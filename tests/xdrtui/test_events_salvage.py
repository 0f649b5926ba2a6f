"""One broken record costs that record alone: what is whole before and after it is still read."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import Needs
from xdrtui.events.codecs.salvage import MOST_BROKEN
from xdrtui.events.decode import Decoded, Decoder
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import Messages, Source

DECODER = Decoder(bundled_layouts(), lambda _: Needs(frozenset(("CommandLine", "a", "x"))))


def decode(payload: str | bytes) -> Decoded:
    raw = payload.encode() if isinstance(payload, str) else payload
    return DECODER.decode(Messages(Source("file:t", "t", "file"), 0, [0], [raw]))


def event(text: str) -> str:
    return json.dumps({"Channel": "Security", "EventID": 4688, "CommandLine": text})


def seen(decoded: Decoded) -> dict[int, object]:
    """index -> CommandLine of the routed events, and reason of the dead letters."""
    found: dict[int, object] = {
        frame.indexes[row]: frame.frame.columns["CommandLine"][row]
        for frame in decoded.frames
        for row in range(frame.rows)
    }
    letters = {letter.position.index: letter.payload for letter in decoded.dead}
    assert not found.keys() & letters.keys()
    return found | letters


BROKEN = '{"a":nope}'


@pytest.mark.parametrize("frame", ['{"Records":[%s]}', '{"x":"y", "records" : [ %s ]}', "[%s]", "%s"])
@pytest.mark.parametrize("comma", [",", " ,\n"])
def test_a_broken_element_is_one_dead_letter_and_the_others_are_events(frame: str, comma: str) -> None:
    decoded = decode(frame % comma.join([event("one"), BROKEN, event("two"), BROKEN, BROKEN, event("3")]))
    got = seen(decoded)
    assert [got[index] for index in (0, 2, 4)] == ["one", "two", "3"]
    assert got[1] == BROKEN.encode()
    assert decoded.counts.routed == decoded.counts.salvaged == 3
    assert decoded.counts.dead == 2


@pytest.mark.parametrize("frame", ['{"Records":[%s]}', "[%s]"])
def test_the_first_or_the_last_may_be_the_broken_one(frame: str) -> None:
    assert seen(decode(frame % f"{BROKEN},{event('one')}")) == {0: BROKEN.encode(), 1: "one"}
    got = seen(decode(frame % f"{event('one')},{BROKEN}"))
    assert got.pop(0) == "one" and b"nope" in bytes(str(got[1]), "utf-8")


def test_what_follows_a_whole_value_is_a_dead_letter_beside_it() -> None:
    assert seen(decode(event("one") + " and some words")) == {0: "one", 1: b"and some words"}
    assert seen(decode(event("one") + ",")) == {0: "one"}


def test_an_object_cut_short_keeps_its_whole_fields() -> None:
    whole = '{"winlog":{"channel":"Security","event_id":4688,"event_data":{"CommandLine":"one","x":"two and'
    decoded = decode(whole)
    assert seen(decoded) == {0: "one", 1: b'"x":"two and'}
    assert decoded.frames[0].frame.event_type.name == "windows.security.4688"
    assert decoded.counts.salvaged == 1
    assert seen(decode('{"Records":[' + event("0") + "," + event("one")[:-1] + ',"y":12')) == {
        0: "0",
        1: "one",
        2: b'"y":12',
    }


def test_an_object_that_is_broken_not_cut_stays_one_dead_letter() -> None:
    for text in ('{"a":1,"b":nope,"c":1', '{"a":1,}', '{"Channel":', '{"a":1]', "{", '{"a":"b":1'):
        decoded = decode(text)
        assert (decoded.counts.events, decoded.counts.dead) == (0, 1), text


def test_an_element_that_is_nested_too_deeply_takes_no_other_with_it() -> None:
    deep = '{"message":' + "[" * 5_000 + "]" * 5_000 + "}"
    decoded = decode(f'{{"Records":[{event("one")},{deep},{event("two")}]}}')
    assert list(seen(decoded).values())[:2] == ["one", "two"]
    assert decoded.counts.dead == 1


def test_broken_places_without_number_are_a_bounded_number_of_dead_letters() -> None:
    decoded = decode("[" + ",".join([BROKEN, event("x")] * 1_000) + "]")
    assert decoded.counts.events == 1_000
    assert decoded.counts.dead == MOST_BROKEN
    assert sum(letter.size for letter in decoded.dead) >= 1_000 * len(BROKEN)


@pytest.mark.parametrize(
    "text",
    [
        "[" + '{"a":' * 200_000,
        '{"a":' * 200_000,
        '[{"a":[' + '{"a":[' * 100_000,
        "[" + '{"a":"},' * 100_000,
        "[" + '{"a":nope},' * 60_000,
        "[" + '{"a":1},' * 20_000,
        "[" + "{," * 300_000,
        "[{" + "},{" * 20_000,
        "[" + "},{[" * 200_000,
        "[" + ('{"a":' * 2_000 + ",") * 100,
        '{"Records":[' * 100_000,
        '{"a":1,' * 100_000,
        "}" * 500_000,
        "[}" + " " * 500_000,
        '[{"a":"' + "\\" * 500_001,
    ],
    ids=lambda text: text[:12] + text[-6:],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    decoded = decode(text)
    assert time.process_time() - began < 4
    assert decoded.counts.events or decoded.counts.dead == 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.just(BROKEN), st.sampled_from(["one", "{two", "},{", '"']).map(event)), max_size=8)
)
def test_every_whole_element_is_read(elements: list[str]) -> None:
    good = [json.loads(each)["CommandLine"] for each in elements if each != BROKEN]
    decoded = decode("[" + ",".join(elements) + "]")
    got = seen(decoded)
    assert [got[index] for index in sorted(got) if isinstance(got[index], str)] == good
    assert decoded.counts.events or decoded.counts.dead == 1
