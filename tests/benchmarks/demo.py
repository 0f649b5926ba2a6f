"""How long the demo takes to its first alert, and to its end.

Run: `python -m tests.benchmarks.demo`. Prints, for each scenario, the seconds from opening the demo to its
first alert, with an empty cache of rules and with a warm one; then how long all scenarios play, by the clock
that they set themselves plus the processor time that playing took, and the share of one core that this is.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from sample_data import SCENARIOS
from xdrtui.demo import open_demo
from xdrtui.demo.place import FOLDER
from xdrtui.demo.player import TICK, Player
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.triage.desk import Desk, Principal


def first_alert(scenario: str) -> float:
    """Seconds from opening the demo anew to the first alert in its store."""
    begun = time.perf_counter()
    with (
        open_demo((scenario,), reset=True) as demo,
        Desk.open(demo.directory, Principal("me", "here")) as desk,
    ):
        while not desk.count():
            time.sleep(0.02)
        return time.perf_counter() - begun


def play(directory: Path) -> tuple[float, float]:
    """Seconds of the demo's own clock for all scenarios, and seconds of the processor."""
    now = 0.0
    begun = time.process_time()
    player = Player(directory, SCENARIOS, load_rulebook(), wall=lambda: now, clock=lambda: int(now * 1e9))
    while not player.tick().ended:
        now += TICK
    player.close()
    return now, time.process_time() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        for round_name in ("empty cache of rules", "warm"):
            for scenario in SCENARIOS if round_name == "warm" else SCENARIOS[:1]:
                sys.stdout.write(f"first alert, {scenario}, {round_name}: {first_alert(scenario):.1f} s\n")
        clock, processor = play(Path(folder) / "played")
    sys.stdout.write(
        f"all scenarios: {(clock + processor) / 60:.1f} min, of which the processor works {processor:.0f} s"
        f" ({processor / clock:.0%} of one core)\n"
    )


if __name__ == "__main__":
    main()
