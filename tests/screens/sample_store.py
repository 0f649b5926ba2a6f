"""A real store with alerts to look at: the seven of the sketches, and hostile ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from xdrtui.events.message import Position, Source
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import BatchResult, Found, Mark, RuleRow
from xdrtui.store.live import LiveRow, LiveWriter
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat, write_heartbeat

SECOND = 1_000_000_000
NOW = 1_772_546_531 * SECOND
"""2026-03-03 14:02:11 UTC: the fixed clock of the tests."""

HOSTILE = "\x1b]0;owned\x07\x1b[2J [red]x[/red]\u202e"

LSASS = """\
title: LSASS dump via comsvcs
id: r-lsass
status: stable
description: |
  rundll32 calls MiniDump of comsvcs.dll, which writes the memory of a process to a file. On the process
  lsass.exe this gives the passwords and tickets of everyone who is logged on.
author: xdrtui
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\\\rundll32.exe'
    CommandLine|contains|all: [comsvcs, MiniDump]
  filter_tool:
    ParentImage|endswith: '\\\\werfault.exe'
  condition: selection and not filter_tool
falsepositives: [memory dumps taken by support on request]
level: critical
tags: [attack.credential-access, attack.t1003.001]
"""


def rule(
    id: str, title: str, level: str, techniques: Sequence[str], text: str = "", about: str = ""
) -> RuleRow:
    return RuleRow(
        id=id,
        hash=hashlib.sha256(f"{id}{text}".encode()).hexdigest(),
        title=title,
        level=level,
        author="xdrtui",
        description=about or f"{title}: what it means and why it matters.",
        text=text,
        falsepositives=("memory dumps taken by support on request",) if text else (),
        references=("https://attack.mitre.org/",) if techniques else (),
        techniques=tuple(techniques),
        tags=tuple(f"attack.{technique.lower()}" for technique in techniques),
    )


RULES = [
    rule("r-lsass", "LSASS dump via comsvcs", "critical", ["T1003.001"], LSASS,
         "rundll32 calls MiniDump of comsvcs.dll, which writes the memory of a process to a file."),
    rule("r-word", "Office program started PowerShell", "high", ["T1204.002", "T1059.001"]),
    rule("r-run", "Run key points at AppData", "high", ["T1547.001"]),
    rule("r-shell", "Shell started by a web server", "high", ["T1505.003"]),
    rule("r-ssh", "Many failed SSH logins, then one success", "medium", ["T1110.001"]),
    rule("r-7z", "Archive of many files", "medium", ["T1560.001"]),
    rule("r-task", "Scheduled task made by schtasks", "low", ["T1053.005"]),
    rule("r-evil", f"Title {HOSTILE} end", "informational", ["T1027"]),
]  # fmt: skip

# rule, level, host, user, summary, minutes ago, count
Told = tuple[str, str, str, str, str, int, int]
STORY: list[Told] = [
    ("r-lsass", "critical", "dc01", "svc_sql",
     "rundll32.exe ran C:\\Windows\\System32\\comsvcs.dll, MiniDump 648 C:\\Temp\\d.dmp full", 2, 3),
    ("r-word", "high", "wks-114", "a.moreau",
     "winword.exe started powershell.exe -w hidden -enc SQBFAFgA", 4, 1),
    ("r-run", "high", "wks-114", "a.moreau",
     "Run key OneDriveUpd = C:\\Users\\a.moreau\\AppData\\Roaming\\od.exe", 11, 1),
    ("r-shell", "high", "web-02", "www-data", "php-fpm started sh -c id;uname -a", 12, 14),
    ("r-ssh", "medium", "web-02", "", "412 failed logins from 203.0.113.77, then root logged in", 31, 2),
    ("r-7z", "medium", "files-1", "a.moreau", "7z.exe a -p x.7z \\\\files-1\\finance: 4,210 files", 61, 1),
    ("r-task", "low", "wks-090", "t.ngo", "schtasks /create /tn upd /tr C:\\ProgramData\\u.bat", 122, 5),
]  # fmt: skip


def findings(story: Sequence[Told] = STORY, first: int = 0) -> list[Found]:
    made: list[Found] = []
    offset = first
    for id, level, host, user, summary, minutes, count in story:
        for repeat in range(count):
            event = {
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "EventID": 1,
                "UtcTime": "2026-03-03 14:00:11.000",
                "Computer": host,
                "User": user,
                "Image": "C:\\Windows\\System32\\rundll32.exe",
                "CommandLine": summary.replace(" ran", ""),
                "ParentImage": "C:\\Windows\\System32\\cmd.exe",
                "n": offset,
            }
            raw = json.dumps(event).encode()
            made.append(
                Found(
                    rule=id,
                    position=Position("sample", 0, offset, 0),
                    time=NOW - minutes * 60 * SECOND - (count - 1 - repeat) * 30 * SECOND,
                    quality=0,
                    ingest=NOW,
                    event_type="windows.sysmon.1",
                    level=level,
                    host=host,
                    user=user,
                    group=(("host.name", host),),
                    window=24 * 3600 * SECOND,
                    entities=tuple(
                        pair
                        for pair in (
                            ("host", host),
                            ("user", user),
                            ("process", "C:\\Windows\\System32\\rundll32.exe"),
                        )
                        if pair[1]
                    ),
                    captures={},
                    matched={"Image": "C:\\Windows\\System32\\rundll32.exe", "CommandLine": summary},
                    summary=summary,
                    raw=raw,
                    event_hash=hashlib.sha256(raw).digest()[:16],
                )
            )
            offset += 1
    return made


def evil(first: int = 5_000) -> list[Found]:
    """An alert in which every field that data can fill holds the hostile text."""
    raw = json.dumps({"CommandLine": HOSTILE, HOSTILE: [HOSTILE]}, ensure_ascii=False).encode()
    (made,) = findings(
        [("r-evil", "informational", f"h{HOSTILE}", f"u{HOSTILE}", f"s{HOSTILE}", 200, 1)], first
    )
    return [
        Found(
            **{name: getattr(made, name) for name in made.__struct_fields__}
            | {
                "raw": raw + HOSTILE.encode(),
                "entities": ((f"k{HOSTILE}", HOSTILE), ("host", f"h{HOSTILE}")),
                "matched": {HOSTILE: HOSTILE, "CommandLine": HOSTILE * 20},
            }
        )
    ]


def commit(directory: Path, found: Sequence[Found], worker: bool = True) -> None:
    """Put findings into the store and fold them into alerts; worker: leave a heartbeat."""
    with Store.open(directory, clock=lambda: NOW) as store:
        store.set_rules(RULES)
        end = max(each.position.offset for each in found) + 1
        mark = Mark("sample", 0, end, b"", NOW)
        store.commit_batch(
            BatchResult(found=list(found), marks=[mark], sources=[Source("sample", "sample", "file")])
        )
        with Correlator(store) as correlator:
            while correlator.fold():
                if not correlator.lag():
                    break
        if worker:
            figures = {"events_per_second": 12480.0, "lag_seconds": 0.4, "dead": 3.0, "memory_bytes": 4.1e8}
            with store.transaction():
                write_heartbeat(
                    store.connection, Heartbeat("worker-1", "worker", 1, "here", NOW, NOW, figures)
                )


def live(directory: Path, count: int = 40, hostile: bool = False) -> None:
    """Write events into the ring of the live pane."""
    writer = LiveWriter(directory)
    rows = [
        LiveRow(
            0,
            NOW - (count - place) * SECOND,
            HOSTILE if hostile else ("windows.sysmon.1", "zeek.conn", "linux.auth")[place % 3],
            HOSTILE if hostile else f"host-{place % 7}",
            HOSTILE if hostile else "svc",
            HOSTILE if hostile else f"event number {place}: something ordinary went by",
            (HOSTILE if hostile else json.dumps({"n": place, "message": "ordinary"})).encode(),
        )
        for place in range(count)
    ]
    writer.write(rows, count)
    writer.close()


def sample(directory: Path) -> Path:
    """The store of the sketches."""
    commit(directory, findings())
    live(directory)
    return directory


LONG_HOSTS = (
    "203.0.113.177", "WORKSTATION5.theshire.local", "dc01", "fe80:0000:0000:0000:0202:b3ff:fe1e:8329",
    "h" * 63, "wks-114", "web-02", "svc-backup-sync",
)  # fmt: skip
LONG_USERS = ("THESHIRE\\pgustavo", "root", "u" * 64, "", "a.moreau", "www-data")


def full(directory: Path) -> Path:
    """More lines than a screen has, with names of all lengths, and events of long values."""
    told = []
    for place in range(64):
        id, level, _, _, summary, *_ = STORY[place % 7]
        host = LONG_HOSTS[place % 8] if place < 8 else f"{LONG_HOSTS[place % 8][:60]}{place:02}"
        words = summary + " --long" * (place % 5 * 8)
        told.append((id, level, host, LONG_USERS[place % 6], words, 3 + place * place, 1 + place % 3))
    commit(directory, findings(told))
    live(directory)
    return directory


def empty(directory: Path) -> Path:
    """A store in which nothing happened, and nobody works."""
    with Store.open(directory, clock=lambda: NOW) as store:
        store.set_rules(RULES)
    return directory
