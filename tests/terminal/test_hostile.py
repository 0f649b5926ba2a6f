"""Hostile values and twenty scripts on a real terminal: nothing foreign is sent, nothing stands out of place.

HOSTILE_VALUES and SCRIPT_STRINGS in the environment set how many (10,000 and 1,000 for the full run).
"""

import json
import os
import random
import re
import unicodedata
from pathlib import Path

import pytest

from screens.sanitise import sanitise, width
from tests.screens.sample_store import NOW, SECOND, commit, evil, findings
from tests.terminal.ptys import Pty
from tests.terminal.test_screens_tmux import MADE_BY_THE_APP, opening
from tests.terminal.tmux import Terminal, require_tmux
from xdrtui.store.live import LiveRow, LiveWriter

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("HOSTILE_VALUES", "600"))
PIECES = [
    *(
        "\x1b",
        "\x1b[2J",
        "\x1b]0;owned\x07",
        "\x1b]52;c;eA==\x07",
        "\x1bP+q\x1b\\",
        "\x9b31m",
        "\x9d",
        "\x07",
    ),
    *("\x08", "\r", "\n", "\t", "\x00", "\x7f", "\u202e", "\u2066", "\u200b" * 40, "\ufeff", "\u0301" * 60),
    *(
        "[red]x[/red]",
        "[@click=app.quit]q[/]",
        "\U000e0041",
        "\u2028",
        "\ud800",
        "\u115f",
        "a",
        " ",
        "x" * 300,
    ),
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
]
SCRIPTS = [
    *("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI", "TAMIL"),
    "TELUGU",
    *("THAI", "LAO", "TIBETAN", "GEORGIAN", "HANGUL", "ETHIOPIC", "KHMER", "MONGOLIAN", "HIRAGANA", "CJK"),
]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def values(count: int) -> list[str]:
    draw = random.Random(13)
    return ["".join(draw.choices(PIECES, k=draw.randrange(1, 9))) for _ in range(count)]


def written(store: Path, texts: list[str], events: list[LiveRow]) -> None:
    writer = LiveWriter(store, rows_a_second=1_000_000)
    writer.write(events, len(events))
    writer.close()


def row(number: int, text: str) -> LiveRow:
    raw = json.dumps({"n": number, "text": text, text: text}).encode()
    return LiveRow(0, NOW + number * SECOND, text[:60] or "x", text[:60], text[:60], text, raw)


def test_no_foreign_escape_byte_is_sent_for_any_hostile_value(tmp_path: Path) -> None:
    texts = values(COUNT)
    story = [
        ("r-evil", "high", text[:40] or "h", text[:40], text, n % 900, 1)
        for n, text in enumerate(texts[: COUNT // 10])
    ]
    for start in range(0, len(story), 400):
        commit(tmp_path, findings(story[start : start + 400], 1_000 * start) + evil(900_000 + start))
    written(tmp_path, texts, [row(n, text) for n, text in enumerate(texts)])
    with Pty(tmp_path) as screen:
        for key in (b"\r", b"e", b"J", b"J", b"Y", b"q", b"1"):
            screen.type(key)
            screen.drain(0.4)
        for _ in range(min(120, COUNT // 10 // 18 + 2)):
            screen.type(b"}")
            screen.drain(0.15)
        screen.type(b"3")
        screen.drain(0.6)
        screen.type(b"e")
        screen.drain(0.3)
        for _ in range(COUNT // 9 + 2):
            screen.type(b"}")
            screen.drain(0.06)
        for key in (b"#", b"Y", b"q", b"?", b"q"):
            screen.type(key)
            screen.drain(0.3)
        assert screen.runs()
        left = MADE_BY_THE_APP.sub(b"", bytes(screen.sent))
    assert b"\x1b" not in left, left[max(0, left.find(b"\x1b") - 60) : left.find(b"\x1b") + 60]
    for byte in (b"\x07", b"\x08", b"\x00", b"\x7f", "\x9b".encode(), "\u202e".encode(), "\ufeff".encode()):
        assert byte not in left
    assert len(re.findall(rb"\[red\]x", left)) > 0


def words(count: int) -> list[str]:
    """Strings of 20 scripts, two of which are often mixed in one."""
    draw = random.Random(17)
    letters = {
        script: [
            chr(code)
            for code in range(0x41, 0x9FFF)
            if unicodedata.name(chr(code), "").startswith(script + " ")
        ]
        for script in SCRIPTS
    }
    made = []
    for n in range(count):
        pool = letters[SCRIPTS[n % 20]] + (letters[draw.choice(SCRIPTS)] if n % 3 == 0 else [])
        made.append("".join(draw.choices(pool, k=draw.randrange(3, 30))))
    return made


def test_the_right_edge_stands_in_its_column_for_strings_of_twenty_scripts(tmp_path: Path) -> None:
    require_tmux()
    commit(tmp_path, findings())
    texts = words(int(os.environ.get("SCRIPT_STRINGS", "120")))
    events = [LiveRow(0, NOW, "a.b", text[:12], text[:9], f"{text} " * 20, b"{}") for text in texts]
    written(tmp_path, texts, events)
    with Terminal(80, 24) as terminal:
        terminal.run(*opening(tmp_path))
        terminal.wait_for("CRIT")
        terminal.key("3")
        terminal.wait_for("EVENT")
        terminal.key("s")
        terminal.wait_for("FROZEN")
        for _ in range(len(texts) // 18 + 1):
            screen = terminal.screen()
            for line in screen[4:22]:
                assert line.find("a.b") in (-1, 11), f"the column moved: {line!r}"
                if "a.b" in line:
                    assert line.endswith("…") and width(line) in (79, 80), f"the edge moved: {line!r}"
            assert screen[0].endswith("UTC") and "acme-prod" in screen[0]
            terminal.key("}")
        for text in texts:
            assert sanitise(sanitise(text)) == sanitise(text)
