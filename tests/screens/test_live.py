"""The live tail: columns by log source, lines where the day turns, what is around an event."""

from __future__ import annotations

import json
from pathlib import Path

from screens.live import LivePane
from screens.live_columns import SHARED, columns_for, values
from screens.live_rows import LiveClock, LiveRows
from screens.services import Desks, Services
from screens.times import Zone, fixed
from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import NOW, SECOND, commit, findings
from xdrtui.store.live import LiveRow, LiveWriter

DAY = 86_400 * SECOND


def row(id: int, time: int, kind: str = "zeek.conn", **event: object) -> LiveRow:
    return LiveRow(id, time, kind, "h", "u", f"event {id}", json.dumps(event).encode())


def tail() -> LiveRows:
    return LiveRows(LiveClock(Services(Desks(lambda: None), None, Zone(fixed(0)))))  # type: ignore[arg-type]


def test_columns_follow_the_log_source_that_is_asked_for() -> None:
    assert columns_for("host:x") == SHARED
    columns = columns_for("host:x type:zeek.conn")
    assert [column.title for column in columns][3:6] == ["SOURCE", "DESTINATION", "PORT"]
    found = values(json.dumps({"id": {"orig_h": "10.0.0.1"}, "id.resp_h": "10.0.0.2"}).encode(), columns)
    assert found["=id.orig_h"] == "10.0.0.1" and found["=id.resp_h"] == "10.0.0.2"
    assert values(b"not json", columns)["=id.orig_h"] == "-"


def test_a_line_stands_where_the_date_changes_and_keys_are_still_found() -> None:
    events = tail()
    events.add([row(1, NOW), row(2, NOW + SECOND), row(3, NOW + DAY)])
    rows = events.window(0, 10)
    assert [each.key for each in rows] == ["3", "-3", "2", "1"]
    assert "2026-03-04 UTC" in str(rows[1].cells["what"])
    assert [events.index(each.key, 0) for each in rows] == [0, 1, 2, 3]


async def test_around_an_event_the_filter_goes_and_the_tail_stands_still(tmp_path: Path) -> None:
    commit(tmp_path, findings())
    writer = LiveWriter(tmp_path)
    rows = [row(0, NOW + n * SECOND, "zeek.conn" if n % 5 else "zeek.dns", n=n) for n in range(30)]
    writer.write(rows, 30)
    app = app_on(tmp_path, initial="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await pilot.pause(0.5)
        pane = app.workbench.pane
        assert isinstance(pane, LivePane)
        pane.filtered("type:zeek.dns")
        assert (len(pane.tail) == 6 and "QUERY" in "\n".join(shown(app))) or await pilot.pause(0.2) is None
        await pilot.press("j", "number_sign")
        await pilot.pause(0.2)
        assert pane.frozen and len(pane.tail) == 30 and pane.query_text == ""
        assert pane.tail.at(pane.table.cursor).event_type == "zeek.dns"
        assert "FROZEN  0 waiting, 0 dropped, lag 0.4 s" in shown(app)[-2].replace("   ", " ")
    writer.close()
