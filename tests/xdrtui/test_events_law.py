"""The law of messages: each gives at least one event or exactly one dead letter, whatever its bytes are."""

from __future__ import annotations

import gc
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.contract import NULL, EventType, Needs
from xdrtui.events.decode import Decoded, Decoder
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.events.values import tree

FIELDS = frozenset(
    ("CommandLine", "Image", "User", "a0", "host.name", "winlog.event_data.x", "source.ip", "name")
)


def needs(_event_type: EventType) -> Needs:
    return Needs(FIELDS)


DECODER = Decoder(bundled_layouts(), needs)


def decode(payloads: list[bytes], decoder: Decoder = DECODER, clock: ReplayClock | None = None) -> Decoded:
    source = Source("file:test", "test", "file")
    return decoder.decode(Messages(source, 0, range(7, 7 + len(payloads)), payloads), clock)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), st.just("evil")
)
names = st.sampled_from(
    [
        "Channel",
        "EventID",
        "Image",
        "CommandLine",
        "winlog",
        "event_data",
        "winlog.event_data",
        "x",
        "Event",
        "System",
        "EventData",
        "Data",
        "log_name",
        "event_id",
        "type",
        "msg",
        "message",
        "Records",
        "host",
        "name",
        "host.name",
        "_path",
        "id.orig_h",
        "id",
        "orig_h",
        "event_type",
        "src_ip",
        "eventSource",
        "eventVersion",
        "metricset",
        "User",
        "#text",
        "@timestamp",
        "UtcTime",
        "uid",
        "conn_state",
        "winlog.channel",
        "channel",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
HEADS: list[dict[str, Any]] = [
    {"Channel": "Security", "EventID": 4688},
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": "1"},
    {"log_name": "Security", "event_id": 1},
    {"winlog": {"channel": "System", "event_id": 3}},
    {"winlog.channel": "System", "winlog.event_id": 3},
    {"Event": {"System": {"Channel": "System", "EventID": {"#text": 7}}}},
    {"_path": "conn"},
    {"metricset": {"name": "cpu"}},
    {},
]
heads = st.sampled_from(HEADS)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """JSON text of an object, with keys that may stand twice and blanks in odd places."""
    pairs = list(draw(heads).items()) + draw(st.lists(st.tuples(names, values), max_size=6))
    colon = draw(st.sampled_from([":", ": ", " :", " \t : ", "\t:\n"]))
    ascii_only = draw(st.booleans())
    inside = ",".join(json.dumps(k) + colon + json.dumps(v, ensure_ascii=ascii_only) for k, v in pairs)
    return "{" + inside + "}"


lines = st.sampled_from(
    [
        'type=EXECVE msg=audit(1364481363.243:24287): argc=2 a0=6C73 a1="-l"',
        "node=a type=USER_CMD msg=audit(1364481363.243:1): pid=1 msg='cmd=6C73 res=success'",
        "Mar  3 04:05:06 web-01 sshd[7]: Failed password for root from 10.0.0.1 port 3 ssh2",
        "<34>1 2026-03-03T04:05:06Z web-01 su - - - hello",
        "plain text",
        "",
    ]
)
messages = st.one_of(
    objects().map(str.encode),
    st.lists(objects(), max_size=3).map(lambda found: ("[" + ",".join(found) + "]").encode()),
    st.lists(objects(), max_size=3).map(lambda found: ("\n".join(found)).encode()),
    lines.map(str.encode),
    st.binary(max_size=40),
    st.tuples(objects(), st.integers(0, 60), st.binary(max_size=3)).map(
        lambda cut: cut[0].encode()[: cut[1]] + cut[2] + cut[0].encode()[cut[1] :]
    ),
    st.tuples(objects(), st.integers(0, 400)).map(lambda cut: cut[0].encode()[: cut[1]]),
    st.just(b"[" * 10_000 + b"]" * 10_000),
    st.just(b'{"Channel":"Security","EventID":1,"CommandLine":' + b"[" * 3_000 + b"]" * 3_000 + b"}"),
    st.just(b'{"Channel":"Security","EventID":1,"CommandLine":"\\ud800"}'),
    st.just(b'{"Channel":"Security","EventID":1,"CommandLine":NaN}'),
    st.just(b'\xef\xbb\xbf{"Channel":"Security","EventID":1}\r\n'),
    st.just(b'{"message":"{\\"Channel\\":\\"Security\\",\\"EventID\\":1}"}'),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(messages, max_size=8))
def test_every_message_gives_an_event_or_exactly_one_dead_letter(payloads: list[bytes]) -> None:
    decoded = decode(payloads)
    events: dict[int, list[int]] = {}
    for frame in decoded.frames:
        rows = frame.rows
        assert rows == len(frame.frame.raws) == len(frame.times) == len(frame.quality) == len(frame.ingest)
        assert all(len(column) == rows for column in frame.frame.columns.values())
        assert frame.frame.data.height == rows
        for row in range(rows):
            position = frame.position(row)
            events.setdefault(position.offset, []).append(position.index)
            assert isinstance(frame.summary(row), str)
            assert isinstance(frame.entities(row), tuple)
    letters = [letter.position.offset for letter in decoded.dead]
    for offset in range(7, 7 + len(payloads)):
        indexes = events.get(offset, [])
        assert len(set(indexes)) == len(indexes)
        assert indexes or letters.count(offset) == 1
    counts = decoded.counts
    assert counts.events == counts.routed + counts.unrouted == sum(map(len, events.values()))
    assert counts.messages == len(payloads)
    assert counts.dead == len(letters)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(objects(), min_size=1, max_size=6))
def test_the_fast_way_means_what_the_tree_means(texts: list[str]) -> None:
    """Each column's cell equals what the slow path finds in the whole tree of that event."""
    for frame in decode([text.encode() for text in texts]).frames:
        projection = DECODER._projections[frame.route]
        for row in range(frame.rows):
            expected = projection.row(tree(frame.frame.raws[row]))
            for field, column in frame.frame.columns.items():
                assert column[row] == expected.get(field), (field, texts)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(messages, max_size=10), st.integers(1, 4))
def test_the_size_of_batches_changes_nothing(payloads: list[bytes], size: int) -> None:
    def rows(decoded: Decoded) -> dict[Any, Any]:
        return {
            frame.position(row): (
                frame.frame.event_type.name, frame.times[row], frame.ingest[row], frame.quality[row],
                tuple(column[row] for column in frame.frame.columns.values()), frame.frame.raws[row],
            )
            for frame in decoded.frames
            for row in range(frame.rows)
        }  # fmt: skip

    whole = rows(decode(payloads, clock=ReplayClock()))
    clock = ReplayClock()
    parts: dict[Any, Any] = {}
    source = Source("file:test", "test", "file")
    for start in range(0, len(payloads), size):
        part = payloads[start : start + size]
        parts |= rows(
            DECODER.decode(Messages(source, 0, range(7 + start, 7 + start + len(part)), part), clock)
        )
    assert parts == whole


def test_null_is_told_from_absent() -> None:
    frame = decode([b'{"Channel":"Security","EventID":1,"Image":null}']).frames[0].frame
    assert frame.columns["Image"][0] is NULL
    assert frame.columns["CommandLine"][0] is None


def test_wrong_types_hide_no_event() -> None:
    for value in ("7", "7.50", "true", '["a",7]', '{"b":1.50,"a":[2]}', "123456789012345678901234567890"):
        frame = (
            decode([b'{"Channel":"Security","EventID":1,"CommandLine":%s}' % value.encode()]).frames[0].frame
        )
        cell = frame.columns["CommandLine"][0]
        assert cell == {'["a",7]': ("a", "7"), '{"b":1.50,"a":[2]}': '{"a":[2],"b":1.50}'}.get(value, value)


def test_a_field_written_twice_keeps_both_values() -> None:
    for first, second in (
        ('"CommandLine"', '"CommandLine"'),
        ('"CommandLine" ', '"CommandLine"'),
        ('"CommandLine"', '"Comm\\u0061ndLine"'),
    ):
        payload = f'{{"Channel":"Security","EventID":1,{first}:"evil","Image":"x",{second}:"good"}}'.encode()
        decoded = decode([payload])
        assert decoded.frames[0].frame.columns["CommandLine"][0] == ("evil", "good")
        assert decoded.counts.salvaged == 1


def test_an_unpaired_surrogate_is_salvaged_and_still_decoded() -> None:
    decoded = decode([b'{"Channel":"Security","EventID":1,"CommandLine":"evil \\ud800 x","Image":"\xff"}'])
    frame = decoded.frames[0].frame
    assert frame.columns["CommandLine"][0] == "evil � x"
    assert frame.columns["Image"][0] == "�"
    assert decoded.counts.salvaged == 1 and decoded.counts.dead == 0


def test_deep_nesting_is_a_dead_letter_that_says_so() -> None:
    decoded = decode([b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"])
    assert decoded.dead[0].reason == "nested too deeply"


def test_ten_megabytes_in_one_field_are_an_event() -> None:
    payload = b'{"Channel":"Security","EventID":1,"CommandLine":"' + b"x" * 10_000_000 + b'"}'
    cell = decode([payload]).frames[0].frame.columns["CommandLine"][0]
    assert isinstance(cell, str) and len(cell) == 10_000_000


def test_routing_values_of_other_types_do_not_poison_the_cache() -> None:
    decoder = Decoder(bundled_layouts(), needs)
    decode([b'{"Channel":"Security","EventID":true}'], decoder)
    decode([b'{"Channel":"Security","EventID":1.0}'], decoder)
    frame = decode([b'{"Channel":"sEcurity","EventID":1}'], decoder).frames[0].frame
    assert frame.event_type.name == "windows.security.1"


def test_a_batch_is_let_go_at_once_though_some_of_it_was_refused() -> None:
    gc.collect()
    gc.disable()
    try:
        messages = Messages(Source("file:gone", "gone", "file"), 0, range(3), [b"{x", b"[", b"type=A msg="])
        DECODER.decode(messages)
        del messages
        left = [each for each in gc.get_objects() if type(each) is Messages and each.source.name == "gone"]
    finally:
        gc.enable()
    assert not left


def test_what_an_event_is_does_not_hang_on_the_events_before_it() -> None:
    odd = [
        b'{"Channel":"Security","EventID":4688,"log_name":{}}',
        b'{"Channel":"x","EventID":1,"event_id":false}',
    ]
    known = Decoder(bundled_layouts(), needs)
    decode([b'{"Channel":"Security","EventID":1}'] * 3, known)
    for decoder in (Decoder(bundled_layouts(), needs), known):
        assert [list(frame.quality) for frame in decode(odd, decoder).frames] == [[1], [1]]


def test_an_event_id_written_otherwise_keeps_its_text_and_its_type_claims_no_other() -> None:
    decoder = Decoder(bundled_layouts(), lambda _: Needs(frozenset(("EventID", "Channel"))))
    for written, text in (("1.0", "1.0"), ('"01"', "01"), ('" 1"', " 1"), ("1", "1")):
        frame = decode([b'{"Channel":"Security","EventID":%s}' % written.encode()], decoder).frames[0].frame
        assert frame.event_type.name == "windows.security.1"
        assert frame.columns["EventID"] in ([text], (text,))
        assert frame.event_type.constants == ((("EventID", "1"),) if text == "1" else ())
    for written in ("1.5", "1e300", "9e99", '"1 2"', '"0x1"'):
        frame = decode([b'{"Channel":"Security","EventID":%s}' % written.encode()], decoder).frames[0].frame
        assert frame.event_type.name != "windows.security.1"
