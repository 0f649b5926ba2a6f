"""What hostile schemas and messages come to: JSON, or a refusal, soon and small."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xdrtui.test_sources_registry import LOGIN, avro
from xdrtui.sources.avro import Unreadable, UnusableSchema, reader

BOMBS = {
    "nulls": {"type": "array", "items": "null"},
    "empty records": {"type": "array", "items": {"type": "record", "name": "E", "fields": []}},
    "no bytes": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
    "by name": {
        "type": "record",
        "name": "Outer",
        "fields": [
            {"name": "a", "type": {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}},
            {"name": "b", "type": ["null", {"type": "array", "items": {"type": "E"}}]},
        ],
    },
}


GROWING = {
    "a long symbol": {"type": "array", "items": {"type": "enum", "name": "E", "symbols": ["A" * 100_000]}},
    "names of empty fields": {
        "type": "array",
        "items": {
            "type": "record",
            "name": "R",
            "fields": [{"name": "b", "type": "boolean"}]
            + [{"name": f"n{n}", "type": "null"} for n in range(500)],
        },
    },
    "two types of one short name": [
        {"type": "record", "name": "a.E", "fields": []},
        {"type": "record", "name": "b.E", "fields": [{"name": "s", "type": "string"}]},
        {"type": "array", "items": "a.E"},
    ],
    "a billion laughs": {
        "type": "record",
        "name": "R0",
        "fields": [
            {"name": "a", "type": {"type": "record", "name": "R1", "fields": [
                {"name": "a", "type": {"type": "record", "name": "R2", "fields": [
                    {"name": f"f{n}", "type": "null"} for n in range(1_000)]}},
                *({"name": f"f{n}", "type": "R2"} for n in range(1_000))]}},
            *({"name": f"f{n}", "type": "R1"} for n in range(1_000)),
        ],
    },
    "itself": {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "x" * 1_000, "type": "null"}, {"name": "next", "type": ["null", "Node"]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_a_schema_that_makes_much_of_few_bytes_is_refused(name: str) -> None:
    with pytest.raises(UnusableSchema, match="no bound"):
        reader(json.dumps(GROWING[name]))


def test_types_that_lead_to_each_other_ten_thousand_deep_are_refused() -> None:
    chain = [
        {"type": "record", "name": f"R{n}", "fields": [{"name": "a", "type": f"R{n + 1}"}]}
        for n in range(10_000)
    ]
    with pytest.raises(UnusableSchema):
        reader(json.dumps(chain))


def varint(number: int) -> bytes:
    out = b""
    number *= 2
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_long_numbers_cost_no_time() -> None:
    money = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
    node = {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "n", "type": "long"}, {"name": "next", "type": ["null", "Node"]}],
    }
    began = time.process_time()
    assert len(reader(json.dumps(money))(varint(400_000) + b"\x7f" * 400_000)) == 400_000  # the bytes alone
    with pytest.raises(Unreadable):
        reader(json.dumps(node))(b"\xff" * 400_000)
    assert time.process_time() - began < 1
    assert reader(json.dumps(money))(varint(2) + b"\x01\x00") == b'"2.56"'


@pytest.mark.parametrize("name", BOMBS)
def test_an_array_whose_items_take_no_bytes_is_refused(name: str) -> None:
    with pytest.raises(UnusableSchema, match="no bound"):
        reader(json.dumps(BOMBS[name]))


def test_a_message_that_nests_for_ever_does_not_end_the_process() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    to_json = reader(json.dumps(node))
    assert json.loads(to_json(b"\x02\x02\x00")) == {"next": {"next": {"next": None}}}
    with pytest.raises(Unreadable):
        to_json(b"\x02" * 1_000_000 + b"\x00")


def test_a_schema_that_nests_for_ever_is_refused() -> None:
    deep = '{"type":"array","items":' * 5_000 + '"int"' + "}" * 5_000
    with pytest.raises(UnusableSchema):
        reader(deep)


def test_a_time_out_of_range_and_bad_text_hide_no_event() -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "cmd", "type": "string"},
        ],
    }
    message = avro(
        {**schema, "fields": [{"name": "at", "type": "long"}, {"name": "cmd", "type": "bytes"}]},
        {
            "at": 1 << 62,
            "cmd": b"nc \xff -e",
        },
    )
    assert json.loads(reader(json.dumps(schema))(message)) == {"at": 1 << 62, "cmd": "nc � -e"}


def test_text_alone_is_handed_on_as_it_is() -> None:
    assert reader('"string"')(avro("string", "<13>Nov 20 sshd: hi")) == b"<13>Nov 20 sshd: hi"


READERS = [
    reader(json.dumps(each)) for each in (LOGIN, {"type": "map", "values": ["null", "double", "string"]})
]


@given(st.sampled_from(READERS), st.binary(max_size=200))
def test_any_bytes_become_json_or_are_refused(to_json: Any, payload: bytes) -> None:
    try:
        text = to_json(payload)
    except Unreadable:
        return
    assert isinstance(json.loads(text), dict)
