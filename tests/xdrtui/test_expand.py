"""Decompressing within a cap: what was packed comes out, or nothing more than the cap."""

from __future__ import annotations

import struct

import cramjam
import pytest
from aiokafka import codec as aiokafka
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.sources.expand import Broken, TooLarge, expand

PACK = {
    "gzip": (1, aiokafka.gzip_encode),
    "snappy": (2, aiokafka.snappy_encode),
    "snappy raw": (2, lambda data: aiokafka.snappy_encode(data, xerial_compatible=False)),
    "lz4": (3, aiokafka.lz4_encode),
    "zstd": (4, aiokafka.zstd_encode),
}


@pytest.mark.parametrize("name", PACK)
@given(data=st.binary(max_size=300) | st.binary(min_size=1, max_size=20).map(lambda part: part * 5_000))
@settings(max_examples=30, deadline=None)
def test_what_was_packed_comes_out_if_the_cap_lets_it(name: str, data: bytes) -> None:
    codec, pack = PACK[name]
    packed = bytes(pack(data))
    assert expand(codec, packed, max(len(data), 70_000) * 2) == data
    if len(data) > 1:
        with pytest.raises(TooLarge):
            expand(codec, packed, len(data) - 1)


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5, 7])
@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_bytes_within_the_cap_or_say_why_not(codec: int, data: bytes) -> None:
    try:
        assert len(expand(codec, data, 1_000)) <= 1_000
    except (Broken, TooLarge) as error:
        assert str(error)


def test_a_size_that_is_only_claimed_takes_no_memory() -> None:
    claims = b"\xff\xff\xff\xff\x0f"  # 4 GB, by snappy
    with pytest.raises(TooLarge):
        expand(2, claims + b"x", 1_000_000)
    with pytest.raises(TooLarge):
        expand(2, b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, 6) + claims + b"x", 1_000_000)


def test_lz4_is_held_to_what_its_blocks_can_hold() -> None:
    packed = bytes(cramjam.lz4.compress(bytes(10_000_000)))
    assert len(expand(3, packed, 20_000_000)) == 10_000_000
    with pytest.raises(TooLarge):
        expand(3, packed, 5_000_000)
