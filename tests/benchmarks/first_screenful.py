"""Whether an alert can be judged without scrolling: `python -m tests.benchmarks.first_screenful [FILES]`.

Fills a store with the three scenarios of the demo, and one with recorded attacks (of the shared data, as many
files as said, with the bundled rules and with SigmaHQ's), draws the page of each alert as the screen does at
80x24, and looks whether what, where, who, when, how sure and why with a test that held stand in rows 1 to 23.
Prints how many do, and what misses.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from screens.alert_context import Context
from screens.alert_page import Folds, alert_lines
from screens.alert_view import AlertView, view_of
from screens.paint import plain
from screens.times import Zone
from xdrtui.demo import place
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.triage.desk import AlertQuery, Desk, Principal

ABOVE, ROWS, CELLS = 2, 24, 78
"""Status and panes above the page; lines of the terminal; cells of a line less the margins."""

LABELS = ("what", "where", "who", "when", "sure", "rarity")


def first_rows(view: AlertView) -> list[str]:
    """The rows 3 to 22 of the screen: the page's, less the one that says how much more there is. What is read
    after the first paint is still being read."""
    lines = [plain(line) for line in alert_lines(view, Zone(utc=True), CELLS, Folds(), (), Context())]
    return lines[: ROWS - ABOVE - 2 - 1]


def missing(rows: Sequence[str]) -> list[str]:
    """What does not stand there: a label without words beside it counts too."""
    lacking = [label for label in LABELS if not any(re.match(rf"{label} +\S", row) for row in rows)]
    begins = next((at for at, row in enumerate(rows) if row.startswith("── why")), len(rows))
    if not any(re.match(r"✓ \S+ +\S", row) for row in rows[begins + 1 :]):
        lacking.append("why")
    return lacking


def alerts_of(
    files: Sequence[Path], most: int = 100_000, rules: Sequence[Path] = ()
) -> Iterator[tuple[AlertView, list[str]]]:
    """The alerts that these rules (none: the bundled ones) find in the files, each with what its first rows
    lack."""
    with tempfile.TemporaryDirectory() as scratch:
        fill(Path(scratch), files, load_rulebook(rules or None))
        with Desk.open(Path(scratch), Principal("me", "here"), readonly=True) as desk:
            for row in desk.alerts(AlertQuery(), most):
                view = view_of(desk, row.id)
                yield view, missing(first_rows(view))


def show(name: str, files: Sequence[Path], rules: Sequence[Path] = ()) -> bool:
    """Print the figures of these files; whether nothing lacks."""
    found = list(alerts_of(files, rules=rules))
    lacking = [(view, what) for view, what in found if what]
    print(f"{name:<24} {len(found) - len(lacking):>4} of {len(found):>4} alerts judged without scrolling")
    for view, what in lacking[:10]:
        print(f"  {view.row.id[:8]} {view.row.title[:50]}: {', '.join(what)}")
    return not lacking and bool(found)


def main(count: int) -> int:
    from tests.shared_data import SHARED

    fine = [show(f"scenario {name}", place.files_of(name)) for name in place.chosen(())]
    recorded = sorted((SHARED / "mordor").glob("*.jsonl.gz"))[:count]
    if recorded:
        fine.append(show(f"mordor, {len(recorded)} files", recorded))
        fine.append(show("mordor, SigmaHQ rules", recorded, [SHARED / "sigmahq" / "rules"]))
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
