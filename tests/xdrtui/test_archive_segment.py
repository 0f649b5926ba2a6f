"""Hot segments and the Parquet made of them hold exactly what was decoded."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import NULL, EventType, LogSource, Text
from tests.xdrtui.archive_samples import decoded
from xdrtui.store.archive import segment
from xdrtui.store.archive.columns import frame_of
from xdrtui.store.archive.read import cells_of
from xdrtui.store.archive.segment import Rows
from xdrtui.store.clean import text as mended

TYPE = EventType("a.b", "a", frozenset({LogSource("p", "c"), LogSource("p", "", "s")}), (("EventID", "1"),))
texts = st.text(st.characters(), max_size=5)  # unpaired surrogates too
cells = st.one_of(st.none(), st.just(NULL), texts, st.lists(texts, min_size=2, max_size=3).map(tuple))


def rows_of(columns: dict[str, list[Text]], raws: list[bytes]) -> Rows:
    numbers = list(range(len(raws)))
    return Rows(TYPE, "s", 3, columns, numbers, numbers, numbers, numbers, [0] * len(raws), raws)


def storable(cell: Text) -> Text:
    if isinstance(cell, tuple):
        return tuple(map(mended, cell))
    return mended(cell) if isinstance(cell, str) else cell


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(cells, cells, st.binary(max_size=4)), min_size=1, max_size=6))
def test_cells_come_back_from_a_segment_and_from_a_frame_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Text, Text, bytes]]
) -> None:
    columns = {"one": [row[0] for row in rows], "two": [row[1] for row in rows]}
    chunk = segment.encode([rows_of(columns, [row[2] for row in rows])])
    path = tmp_path_factory.mktemp("s") / "hot"
    path.write_bytes(chunk)
    ((kind, part),) = [pair for each in segment.chunks(path, len(chunk)) for pair in each.parts()]
    wanted = {name: [storable(cell) for cell in cells] for name, cells in columns.items()}
    assert segment.decode_type(kind) == TYPE
    assert part.columns == wanted
    assert part.rows["raw"].to_list() == [row[2] for row in rows]
    data = frame_of([part])
    assert {name: cells_of(data, name) for name in columns} == wanted


def test_a_chunk_holds_every_frame_of_its_batch(tmp_path: Path) -> None:
    frames = decoded(range(30))
    chunk = segment.encode([segment.rows_of(frame) for frame in frames])
    (tmp_path / "hot").write_bytes(chunk)
    found = [part for each in segment.chunks(tmp_path / "hot", len(chunk)) for _, part in each.parts()]
    assert [part.columns for part in found] == [
        {name: list(cells) for name, cells in frame.frame.columns.items()} for frame in frames
    ]
    assert [part.rows["offset"].to_list() for part in found] == [frame.offsets for frame in frames]


@pytest.mark.parametrize("at", [0, 10, 40, 200])
def test_a_damaged_byte_is_noticed(tmp_path: Path, at: int) -> None:
    chunk = bytearray(segment.encode([segment.rows_of(frame) for frame in decoded(range(30))]))
    chunk[at] ^= 0xFF
    (tmp_path / "hot").write_bytes(chunk)
    with pytest.raises(segment.Damaged, match="damaged at byte 0"):
        list(segment.chunks(tmp_path / "hot", len(chunk)))


def test_an_event_type_is_always_the_same_text() -> None:
    assert segment.encode_type(TYPE) == segment.encode_type(
        EventType("a.b", "a", frozenset(sorted(TYPE.log_sources, reverse=True)), TYPE.constants)
    )


def test_no_rows_make_no_chunk() -> None:
    assert segment.encode([rows_of({}, [])]) == b""
    assert frame_of([segment.Part(segment.pack({}), _no_rows(), "s", 0)]).height == 0


def _no_rows() -> pl.DataFrame:
    names = ("offset", "index", "time", "ingest", "quality")
    return pl.DataFrame({name: pl.Series([], dtype=pl.Int64) for name in names}).with_columns(
        pl.Series("raw", [], pl.Binary)
    )
