"""Logs go to private files, one JSON object a line, with nothing hostile or secret in them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xdrtui.errors import StoreError
from xdrtui.logs import JsonLines, delete_old, start_logs, stop_logs
from xdrtui.settings.model import LogSettings
from xdrtui.settings.secrets import Secret


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    stop_logs()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_an_object_with_what_extra_brought(tmp_path: Path) -> None:
    path = start_logs(tmp_path, "worker")
    logging.getLogger("xdrtui.pipeline").info("batch committed", extra={"events": 7})
    (line,) = lines(path)
    assert (line["message"], line["events"], line["level"]) == ("batch committed", 7, "info")
    assert path.name == f"worker-{os.getpid()}.jsonl"


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    start_logs(tmp_path, "tui")
    logging.getLogger("xdrtui").error("boom")
    logging.getLogger("aiokafka").error("boom")
    assert capfd.readouterr() == ("", "")


def test_hostile_text_and_line_breaks_stay_on_their_line(tmp_path: Path) -> None:
    path = start_logs(tmp_path, "worker")
    try:
        raise ValueError("\x1b]0;owned\x07")
    except ValueError:
        logging.getLogger("xdrtui").exception("a\nb \x1b[2J", extra={"path": "\u202e"})
    assert len(path.read_text().splitlines()) == 1
    assert not any(character in path.read_text() for character in "\x1b\x07\u202e")


def test_secrets_are_struck_out(tmp_path: Path) -> None:
    path = start_logs(tmp_path, "worker")
    logging.getLogger("xdrtui").warning("password %s refused", Secret("battery staple").reveal())
    assert lines(path)[0]["message"] == "password *** refused"


def test_files_are_private_and_rotated(tmp_path: Path) -> None:
    path = start_logs(tmp_path, "worker", LogSettings(megabytes=1, keep=2))
    for _ in range(400):
        logging.getLogger("xdrtui").info("x" * 8_000)
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert path in files


def test_libraries_are_kept_from_warning_on(tmp_path: Path) -> None:
    path = start_logs(tmp_path, "worker", LogSettings(level="debug"))
    logging.getLogger("aiokafka").info("chatter")
    logging.getLogger("xdrtui").debug("ours")
    assert [line["message"] for line in lines(path)] == ["ours"]


def test_a_giant_message_is_cut() -> None:
    record = logging.makeLogRecord({"msg": "y" * 1_000_000})
    assert len(JsonLines().format(record)) < 9_000


def test_files_of_processes_long_gone_are_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / "worker-1.jsonl", tmp_path / "worker-2.jsonl"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    delete_old(tmp_path, 14, new.stat().st_mtime)
    assert [path.name for path in tmp_path.iterdir()] == ["worker-2.jsonl"]


def test_a_workspace_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(StoreError, match="no log can be written"):
        start_logs(tmp_path, "worker")
