"""What files of every kind become: messages with their offsets, whole, in order, and never all at once."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.shared_data import require_shared
from xdrtui.errors import SourceError
from xdrtui.sources import readers
from xdrtui.sources.files import BATCH_BYTES, BATCH_MESSAGES, open_files, walk


def read(
    path: Path | str, batch_bytes: int = BATCH_BYTES, batch_messages: int = BATCH_MESSAGES
) -> list[tuple[int, bytes]]:
    return [
        (offset, payload)
        for messages in open_files([path], batch_bytes=batch_bytes, batch_messages=batch_messages)
        for offset, payload in zip(messages.offsets, messages.payloads, strict=True)
    ]


LINES = [b'{"a":%d}' % number for number in range(1000)]


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd", "two gzip members", "zstd in frames"])
def test_lines_keep_their_numbers_however_packed(tmp_path: Path, packing: str) -> None:
    text = b"\n".join(LINES) + b"\n"
    half = len(text) // 2
    packed = {
        "plain": text,
        "gzip": gzip.compress(text),
        "zstd": zstandard.compress(text),
        "two gzip members": gzip.compress(text[:half]) + gzip.compress(text[half:]),
        "zstd in frames": zstandard.compress(text[:half]) + zstandard.compress(text[half:]),
    }[packing]
    (tmp_path / "log").write_bytes(packed)
    assert read(tmp_path / "log") == list(enumerate(LINES))
    assert read(tmp_path / "log", batch_bytes=64) == list(enumerate(LINES))
    assert read(tmp_path / "log", batch_messages=3) == list(enumerate(LINES))


def test_batches_stay_within_their_bounds(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\n".join(LINES))
    sizes = [len(messages) for messages in open_files([tmp_path / "log"], batch_messages=300)]
    assert max(sizes) <= 300 and sum(sizes) == 1000


def test_blank_lines_are_counted_but_are_no_messages(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\n\r\n" + LINES[0] + b"\r\n\n" + LINES[1])
    assert read(tmp_path / "log") == [(2, LINES[0] + b"\r"), (4, LINES[1])]


def test_a_source_is_known_by_its_head_not_its_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"\n".join(LINES))
    (tmp_path / "three").write_bytes(b"\n".join(LINES[1:]))
    sources = {messages.source.name: messages.source.uid for messages in open_files([tmp_path])}
    assert list(sources) == [str(tmp_path / name) for name in ("one", "three", "two")]
    one, three, two = sources.values()
    assert one == two != three


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":1},{"b":"]{"}, {"c":[1,2]}]',
        '[\n  {"a": 1},\n  {"b": "]{"},\n  {"c": [1, 2]}\n]\n',
        '{\n  "Records": [{"a":1},{"b":"]{"},{"c":[1,2]}]\n}',
        '{\n"a": 1\n}\n{\n"b": "]{"\n}\n{"c":[1,\n2]}',
        '[{"a":1}]\n[{"b":"]{"},{"c":[1,2]}]',
    ],
)
def test_arrays_and_documents_give_a_message_each(tmp_path: Path, text: str) -> None:
    (tmp_path / "doc").write_text(text)
    found = read(tmp_path / "doc")
    assert [json.loads(payload) for _, payload in found] == [{"a": 1}, {"b": "]{"}, {"c": [1, 2]}]
    assert [offset for offset, _ in found] == [0, 1, 2]


def test_a_document_cut_off_gives_what_is_whole_and_the_rest_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "doc").write_bytes(b'[{"a":1},\n{"b":"\xff"},\n{"c": tru')
    assert [payload for _, payload in read(tmp_path / "doc")] == [b'{"a":1}', b'{"b":"\xff"}', b'{"c": tru']


def test_a_large_array_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "CHUNK", 1024)
    values = [{"n": number, "text": "x" * (number % 3000)} for number in range(500)]
    (tmp_path / "doc").write_text(json.dumps(values))
    assert [json.loads(payload) for _, payload in read(tmp_path / "doc")] == values


def test_an_endless_line_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LONGEST", 1000)
    (tmp_path / "log").write_bytes(b'{"a":"' + b"x" * 5000 + b'"}\n' + LINES[7] + b"\n")
    found = read(tmp_path / "log", batch_bytes=512)
    assert [(offset, len(payload)) for offset, payload in found] == [(0, 1000), (1, len(LINES[7]))]


def test_a_bomb_is_read_in_pieces(tmp_path: Path) -> None:
    line = LINES[0] + b"\n"
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(line * 3_000_000))
    first = next(open_files([tmp_path / "bomb.gz"]))
    assert sum(map(len, first.payloads)) <= 8 << 20


def test_zeek_tables_become_json(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_bytes(
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
        b"#fields\tts\tid.orig_h\tid.resp_p\tservice\ttags\tlocal\n"
        b"#types\ttime\taddr\tport\tstring\tset[string]\tbool\n"
        b'1600786382.5\t10.0.0.1\t53\t-\ta,b"\tT\n1600786383.5\t10.0.0.1\t53\tdns\t(empty)\tF\n#close\tx\n'
    )
    found = read(tmp_path / "conn.log")
    assert [offset for offset, _ in found] == [7, 8]
    assert json.loads(found[0][1]) == {
        "_path": "conn", "ts": 1600786382.5, "id.orig_h": "10.0.0.1", "id.resp_p": 53, "tags": ["a", 'b"'],
        "local": True,
    }  # fmt: skip
    assert json.loads(found[1][1])["tags"] == []


def test_utf16_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"a":"ä"}\n{"b":2}\n', encoding="utf-16")
    assert [json.loads(payload) for _, payload in read(tmp_path / "log")] == [{"a": "ä"}, {"b": 2}]


def test_evtx_records_become_json() -> None:
    folder = require_shared("sigma-regression")
    file = min(folder.rglob("*.evtx"), key=lambda path: (path.stat().st_size, str(path)))
    found = read(file)
    assert found and all("Event" in json.loads(payload) for _, payload in found)


def test_a_packed_evtx_file_is_the_same(tmp_path: Path) -> None:
    folder = require_shared("sigma-regression")
    file = min(folder.rglob("*.evtx"), key=lambda path: (path.stat().st_size, str(path)))
    (tmp_path / "log.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert read(tmp_path / "log.gz") == read(file)


def test_folders_are_walked_in_order_without_following_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    top = tmp_path / "top"
    (top / "b").mkdir(parents=True)
    for name in ("c", "b/2", "b/1", "a"):
        (top / name).write_text("x")
    (top / "link").symlink_to(outside)
    (top / "file").symlink_to(outside / "secret")
    os.mkfifo(top / "pipe")
    assert [str(Path(file).relative_to(top)) for file in walk(top)] == ["a", "c", "b/1", "b/2"]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    cut = gzip.compress(os.urandom(100_000).hex().encode())[:50_000]
    (tmp_path / "cut.gz").write_bytes(cut)
    (tmp_path / "fine").write_bytes(LINES[0])
    told: list[SourceError] = []
    names = [tmp_path / "none", tmp_path / "cut.gz", tmp_path / "fine"]
    found = list(open_files(names, report=told.append))
    assert found[-1].payloads == [LINES[0]]
    assert [str(error).split(": ")[1].split()[0] for error in told] == ["no", "the"]
    with pytest.raises(SourceError, match="no such file"):
        list(open_files([tmp_path / "none"]))


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"\n".join(LINES[:2]))

    monkeypatch.setattr(sys, "stdin", Input)
    assert read("-") == list(enumerate(LINES[:2]))


def test_an_empty_file_has_no_messages(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert read(tmp_path / "empty") == []


def test_containers_in_containers_of_a_zeek_header_end_nothing(tmp_path: Path) -> None:
    kind = "set[" * 5_000 + "string" + "]" * 5_000
    (tmp_path / "x.log").write_text(f"#separator \\x09\n#fields\ta\n#types\t{kind}\nb,c\n")
    assert [json.loads(payload) for _, payload in read(tmp_path / "x.log")] == [{"a": ["b", "c"]}]


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log").write_bytes(LINES[0])
    listing = os.scandir

    def refused(folder: str) -> Any:
        if Path(folder).name == "a":
            raise PermissionError(13, "Permission denied", folder)
        return listing(folder)

    monkeypatch.setattr(os, "scandir", refused)
    told: list[str] = []
    found = list(open_files([tmp_path], report=lambda error: told.append(str(error))))
    assert [messages.source.name for messages in found] == [str(tmp_path / "b" / "log")]
    assert told == [f"{tmp_path / 'a'}: Permission denied"]


def test_unfinished_objects_without_number_do_not_take_long(tmp_path: Path) -> None:
    import time

    path = tmp_path / "a.json"
    path.write_text("[\n" + '{"a":\n' * 100_000)
    began = time.process_time()
    payloads = [payload for messages in open_files([path]) for payload in messages.payloads]
    assert time.process_time() - began < 3
    assert sum(map(len, payloads)) >= 100_000 * 5
