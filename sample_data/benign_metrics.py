"""Host metrics of the miner scenario: processor, load, memory and the busiest processes, once a minute.

Builds and the database dump take nearly all of a processor, for some minutes; a miner takes it for ever.
"""

from __future__ import annotations

from sample_data.farm import CI, DB, DEPLOY, ROOT, SERVERS, WEBS, WWW, Server
from sample_data.linux import Linux
from sample_data.world import MILLI, MINUTE, SECOND, SERVICE, Day, Dice


class Metrics:
    """Each host, once a minute. `extra`: a host and the time from which the attack tells its metrics."""

    def __init__(self, day: Day, linux: Linux, dice: Dice, extra: tuple[Server, int]) -> None:
        self.day, self.linux, self.dice, self.extra = day, linux, dice, extra

    def run(self) -> None:
        bursts = self._bursts()
        for host in SERVERS:
            for minute in range(24 * 60):
                time = self.day.start + minute * MINUTE + 7 * SECOND + SERVERS.index(host) * 1_013 * MILLI
                if host is self.extra[0] and time >= self.extra[1]:
                    continue  # from here on the attack tells the metrics of this host
                busy = SERVICE[minute // 60] * {WEBS[0]: 150, WEBS[1]: 140, WEBS[2]: 145, DB: 110}.get(
                    host, 40
                )
                share = min(9_400, bursts.get((host.name, minute), busy + self.dice.between(0, 900)))
                self._minute(time, host, share, minute)

    def _bursts(self) -> dict[tuple[str, int], int]:
        found = {(DB.name, minute): 8_300 + self.dice.upto(900) for minute in range(90, 102)}
        for _ in range(24):
            first = self.dice.between(7 * 60, 18 * 60)
            found |= {
                (CI.name, first + offset): 8_600 + self.dice.upto(800)
                for offset in range(self.dice.between(3, 8))
            }
        for host in WEBS:
            found |= {(host.name, minute): 6_000 + self.dice.upto(1500) for minute in range(75, 81)}
        return found

    def _minute(self, time: int, host: Server, share: int, minute: int) -> None:
        lx, dice = self.linux, self.dice
        cpu(lx, time, host, share)
        load(lx, time + MILLI, host, share * host.cores // 100 + dice.between(-8, 12))
        if minute % 10 == 3:
            lx.metric(
                time + 2 * MILLI,
                host,
                "memory",
                {"actual": {"used": {"pct": dice.between(3_100, 6_200) / 10_000}}},
            )
            name, command, user = {
                "db-01": ("postgres", "postgres: shop shop [local] SELECT", ROOT),
                "ci-01": ("node", "node build.js", DEPLOY),
                "bastion": ("sshd", "sshd: mira@pts/0", ROOT),
                "mon-01": ("prometheus", "/usr/bin/prometheus", ROOT),
            }.get(host.name, ("php-fpm8.2", "php-fpm: pool www", WWW))
            if host is DB and 90 <= minute < 102:
                name, command = (
                    "pg_dump",
                    "/usr/lib/postgresql/15/bin/pg_dump -Fc shop -f /var/backups/shop.dump",
                )
            lx.process_metric(
                time + 3 * MILLI, host, name, command, share * host.cores * 7 // 10 / 10_000, user
            )
            lx.process_metric(
                time + 4 * MILLI,
                host,
                dice.one(("kworker/u8:1", "kworker/0:2", "ksoftirqd/1")),
                "",
                dice.between(0, 120) / 10_000,
            )


def cpu(linux: Linux, time: int, host: Server, share: int) -> None:
    """`share` of all cores, in ten thousandths."""
    user = share * 8 // 10
    linux.metric(
        time,
        host,
        "cpu",
        {
            "cores": host.cores,
            "total": {"pct": share * host.cores / 10_000, "norm": {"pct": share / 10_000}},
            "user": {"norm": {"pct": user / 10_000}},
            "system": {"norm": {"pct": (share - user) / 10_000}},
        },
    )


def load(linux: Linux, time: int, host: Server, hundredths: int) -> None:
    value = max(hundredths, 1)
    linux.metric(
        time,
        host,
        "load",
        {
            "cores": host.cores,
            "1": value / 100,
            "5": value * 9 // 10 / 100,
            "15": value * 8 // 10 / 100,
            "norm": {"1": value // host.cores / 100, "5": value * 9 // 10 // host.cores / 100},
        },
    )
