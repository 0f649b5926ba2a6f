"""Another process at work on the store: `python -m tests.screens.meddler DIRECTORY RATE SECONDS`.

Inserts RATE alerts a second (new lines, and later windows of lines that are there) and judges some, as
another analyst would.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.screens.sample_store import NOW, SECOND, commit, findings
from xdrtui.errors import XdrtuiError
from xdrtui.triage.desk import AlertQuery, Desk, Principal

DAY = 24 * 60


def story(number: int, line: int) -> tuple[str, str, str, str, str, int, int]:
    """An alert on line `line`: a window of its own, a day before or after others of it."""
    return ("r-shell", "high", f"h{line:04}", "u", f"s{number}", number % 300 * DAY, 1)


def main(directory: Path, rate: int, seconds: float) -> None:
    chance = random.Random(11)
    offset, step = 100_000, max(1, rate // 5)
    until = time.monotonic() + seconds
    with Desk.open(directory, Principal("jl", "elsewhere"), clock=lambda: NOW + SECOND) as desk:
        while time.monotonic() < until:
            began = time.monotonic()
            told = []
            for _ in range(step):
                offset += 1
                told.append(story(offset, chance.choice((chance.randrange(30), 1_000 + offset % 3_000))))
            try:
                commit(directory, findings(told, first=offset), worker=False)
                row = chance.choice(desk.alerts(AlertQuery("state:open"), 50))
                act = chance.randrange(4)
                if act == 0:
                    desk.close([row.id], "duplicate")
                elif act == 1:
                    desk.investigate([row.id])
                elif act == 2:
                    desk.memo(row.id, "x")
            except (XdrtuiError, IndexError):
                continue
            finally:
                sys.stdout.write(f"{offset - 100_000}\n")
                sys.stdout.flush()
            time.sleep(max(0.0, step / rate - (time.monotonic() - began)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
