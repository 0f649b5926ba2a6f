"""FrameTable on a million rows against a hundred, and against Textual's DataTable on ten thousand.

Run: `python -m tests.benchmarks.frame_table`. Prints seconds until the table is painted, and per move of the
cursor, with their ratios in the same run.
"""

from __future__ import annotations

import asyncio
import time

import polars as pl
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from screens.look import Look
from screens.widgets.columns import Column
from screens.widgets.frame_table import FrameTable
from screens.widgets.rows import FrameSource

COLUMNS = (Column("id", "ID", 8, 10, right=True), Column("host", "HOST", 8, 18), Column("what", "WHAT", 20))
MOVES = 200


def frame(rows: int) -> pl.DataFrame:
    ids = pl.int_range(rows, eager=True)
    return pl.DataFrame({"id": ids, "host": ["host-1"] * rows, "what": ["something went by"] * rows})


async def ours(data: pl.DataFrame) -> tuple[float, float]:
    table = FrameTable(COLUMNS, Look())

    class Shown(App[None]):
        def compose(self) -> ComposeResult:
            yield table

    async with Shown().run_test(size=(80, 24)) as pilot:
        start = time.perf_counter()
        table.update(FrameSource(data, "id"))
        await pilot.pause()
        painted = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(MOVES):
            table.move(7)
            table.screen._compositor.render_strips()
        return painted, (time.perf_counter() - start) / MOVES


async def theirs(data: pl.DataFrame) -> float:
    table: DataTable[str] = DataTable()

    class Shown(App[None]):
        def compose(self) -> ComposeResult:
            yield table

    async with Shown().run_test(size=(80, 24)) as pilot:
        start = time.perf_counter()
        table.add_columns("id", "host", "what")
        table.add_rows([tuple(map(str, row)) for row in data.iter_rows()])
        await pilot.pause()
        return time.perf_counter() - start


def main() -> None:
    few, few_move = asyncio.run(ours(frame(100)))
    many, many_move = asyncio.run(ours(frame(1_000_000)))
    peer = asyncio.run(theirs(frame(10_000)))
    growth = f"({many / few:.2f} x, {many_move / few_move:.2f} x)"
    print(f"FrameTable       100 rows  painted {few * 1e3:8.1f} ms, a move {few_move * 1e3:5.2f} ms")
    print(
        f"FrameTable 1,000,000 rows  painted {many * 1e3:8.1f} ms, a move {many_move * 1e3:5.2f} ms {growth}"
    )
    print(
        f"DataTable     10,000 rows  painted {peer * 1e3:8.1f} ms ({peer / many:.1f} x FrameTable's million)"
    )


if __name__ == "__main__":
    main()
