"""The records of a findings topic: there and back, and nothing but ours gets in."""

from __future__ import annotations

import contextlib
import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.pipeline.fleet_records import (
    MAGIC,
    RECORD_BYTES,
    VERSION,
    Any_,
    Beat,
    Finding,
    Foreign,
    Origin,
    Results,
    Summary,
    dead_of,
    decode,
    encode,
    found_of,
    origin,
    results_of,
)
from xdrtui.store.batch import BatchResult, Found
from xdrtui.store.evidence import RAW_LIMIT

UID = "kafka:c:t:0"
AT = origin(Source(UID, "t", "kafka"), 3)
SUMMARY = Summary(AT, 0, 10, 5, False, False, (10, 10, 10, 0, 0, 0), (("zeek.conn", "h", {"": 10}),))


def found(number: int, raw: bytes = b"{}", **more: object) -> Found:
    values: dict[str, object] = {
        "rule": "r",
        "position": Position(UID, 3, number, 0),
        "time": number,
        "quality": 0,
        "ingest": number,
        "event_type": "zeek.conn",
        "level": "high",
        "host": "h",
        "user": "",
        "group": (("host.name", "h"),),
        "window": 3_600_000_000_000,
        "entities": (("host", "h"),),
        "captures": {"f": ["a", "b"], "g": None},
        "matched": {"uid": "bad"},
        "summary": "one line",
        "raw": raw,
        "event_hash": b"%016d" % number,
        "rule_hash": "x",
    }
    return Found(**{**values, **more})  # type: ignore[arg-type]


def there_and_back(result: BatchResult) -> BatchResult:
    back = BatchResult()
    for record in results_of(AT, result):
        payload = encode(record)
        assert len(payload) < RECORD_BYTES
        decoded = decode(payload)
        assert isinstance(decoded, Results)
        back.found += found_of(decoded.origin, decoded.found)
        back.dead += dead_of(decoded.origin, decoded.dead)
    return back


def test_findings_and_dead_letters_come_back_as_they_were() -> None:
    result = BatchResult(
        found=[found(number) for number in range(30)],
        dead=[DeadLetter(Position(UID, 3, 77, 1), "not JSON", b"\xff", 1, 5)],
    )
    back = there_and_back(result)
    assert [msgspec.structs.replace(one, raw_size=0) for one in back.found] == result.found
    assert back.dead == result.dead


def test_evidence_is_cut_at_256_kb_and_keeps_the_hash_and_size_of_the_whole() -> None:
    raw = bytes(range(256)) * 2_000
    (one,) = there_and_back(BatchResult(found=[found(1, raw)])).found
    assert (one.raw, one.raw_size) == (raw[:RAW_LIMIT], len(raw))
    assert one.raw_hash == hashlib.sha256(raw).hexdigest()


def test_a_flood_of_one_alert_sends_only_the_events_that_could_be_pinned() -> None:
    back = there_and_back(BatchResult(found=[found(number, b"x" * 5_000) for number in range(3_000)]))
    assert len(back.found) == 3_000
    assert sum(one.raw_size >= 0 for one in back.found) == 40


def test_a_finding_with_texts_beyond_measure_still_fits() -> None:
    huge = "\u20ac" * 200_000
    one = found(1, captures={"f": huge, "g": [huge] * 50}, host=huge, matched={"m": huge}, summary=huge)
    (back,) = there_and_back(BatchResult(found=[one])).found
    assert back.position == one.position and len(back.summary) == 8_192


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        MAGIC,
        b"hello",
        MAGIC + bytes([VERSION]),
        MAGIC + bytes([VERSION + 1]) + b"\x90",
        encode(SUMMARY)[:-1],
        encode(SUMMARY) + b"\x00",
        MAGIC + bytes([VERSION]) + b"\x91" * 100_000,
        encode(msgspec.structs.replace(SUMMARY, start=11)),
        encode(msgspec.structs.replace(SUMMARY, counts=(-1, 0, 0, 0, 0, 0))),
        encode(msgspec.structs.replace(SUMMARY, origin=Origin("kafka:c:other:0", "t", "kafka", 0))),
        encode(msgspec.structs.replace(SUMMARY, origin=Origin("file:x", "t", "kafka", 0))),
        encode(msgspec.structs.replace(SUMMARY, origin=Origin("kafka:c:t:0\n", "t", "kafka", 0))),
        encode(msgspec.structs.replace(SUMMARY, end=2**63)),
        encode(msgspec.structs.replace(SUMMARY, watermark=2**63)),
    ],
)
def test_what_no_worker_wrote_is_foreign(payload: bytes) -> None:
    with pytest.raises(Foreign):
        decode(payload)


def test_a_finding_of_an_unknown_level_or_quality_is_foreign() -> None:
    (record,) = results_of(AT, BatchResult(found=[found(1)]))
    for wrong in ({"level": "apocalyptic"}, {"quality": 99}, {"window": 0}, {"offset": -1}):
        finding = msgspec.structs.replace(record.found[0], **wrong)
        with pytest.raises(Foreign):
            decode(encode(msgspec.structs.replace(record, found=(finding,))))


@given(st.binary(max_size=200), st.integers(0, 200))
@settings(max_examples=500, deadline=None)
def test_no_bytes_raise_anything_but_foreign(noise: bytes, at: int) -> None:
    payload = bytearray(encode(SUMMARY))
    payload[at % len(payload) :] = noise
    for candidate in (bytes(payload), MAGIC + bytes([VERSION]) + noise):
        with contextlib.suppress(Foreign):
            decode(candidate)


MOST = 2**63 - 1
BEAT = Beat("w", "m", 1, 0, "r", "c", {}, {}, False)
FORGED: dict[str, Summary | Beat | Finding] = {
    "counts whose sum cannot be stored": msgspec.structs.replace(SUMMARY, counts=(2**62,) * 6),
    "presence whose sum cannot be stored": msgspec.structs.replace(
        SUMMARY, presence=(("t", "h", {"": 2**62}),)
    ),
    "an infinite figure": msgspec.structs.replace(BEAT, figures={"lag": float("inf")}),
    "a figure that is no number": msgspec.structs.replace(BEAT, figures={"lag": float("nan")}),
    "a time whose window begins before all that can be stored": msgspec.structs.replace(
        next(results_of(AT, BatchResult(found=[found(1)]))).found[0], time=-MOST
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_one_forged_record_cannot_stop_every_fold_for_good(name: str) -> None:
    forged = FORGED[name]
    record: Any_ = Results(AT, (forged,), ()) if isinstance(forged, Finding) else forged
    with pytest.raises(Foreign):
        decode(encode(record))
