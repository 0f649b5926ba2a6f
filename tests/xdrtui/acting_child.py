"""Acts on alerts until it is killed: `python -m tests.xdrtui.acting_child DIRECTORY SEED`, a line per act."""

from __future__ import annotations

import random
import sys

from xdrtui.errors import ActionRefused
from xdrtui.triage.desk import DISPOSITIONS, AlertQuery, Desk, Principal

FAR = 4_000_000_000 * 1_000_000_000


def one_act(desk: Desk, chance: random.Random, known: list[str]) -> None:
    ids = chance.sample(known, chance.choice((1, 1, 1, 2, 5)))
    match chance.randrange(9):
        case 0:
            desk.acknowledge(ids)
        case 1:
            desk.investigate(ids)
        case 2 | 3:
            desk.close(ids, chance.choice(DISPOSITIONS), chance.choice(("", "seen before")))
        case 4:
            desk.own(ids, chance.choice(("ada", "bob", "")))
        case 5:
            desk.memo(ids[0], "text")
        case 6:
            desk.snooze(ids, FAR + chance.randrange(3))
        case 7:
            desk.escalate(ids, chance.choice(("tier2", "tier3")), "beyond me")
        case _:
            desk.memo("", "shift log")


def main(directory: str, seed: int) -> None:
    chance = random.Random(seed)
    done = 0
    with Desk.open(directory, Principal("ada", "laptop-1")) as desk:
        known = sorted(row.id for row in desk.alerts(AlertQuery(), limit=1_000))
        while True:
            try:
                one_act(desk, chance, known)
            except ActionRefused:
                continue
            done += 1
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
