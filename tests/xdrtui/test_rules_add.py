"""`xdrtui rules add`: what is kept and what is refused; what is new, changed and gone."""

from __future__ import annotations

import io
import json
import os
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.detectors.sigma.test_lint import GOOD
from xdrtui.commands import make_group
from xdrtui.errors import RuleError
from xdrtui.pipeline import rulesource
from xdrtui.pipeline.ruleshelf import compare, name_of, put
from xdrtui.pipeline.rulesource import read_source

OTHER = GOOD.replace("5f6fb2c8", "5f6fb2c9").replace("Whoami Run", "Another Whoami Run")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "workspace"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(make_group(), ["rules", *map(str, arguments)])


def zipped(files: dict[str, str | bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    data = zipped({"set-main/r.yml": GOOD}, tmp_path / "served.zip").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/set.zip" else 404)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_rules_and_licences_are_kept_and_nothing_else(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "set",
        {"a/r.yml": GOOD, "LICENSE": "Some License\n", "run.sh": "x", ".git/r.yml": OTHER, "AUTHORS.md": "A"},
    )
    result = run("add", source)
    assert result.exit_code == 0
    kept = tmp_path / "workspace" / "rules" / "set"
    files = {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()}
    assert files == {"a/r.yml", "LICENSE", "AUTHORS.md", "added-from.json"}
    assert json.loads((kept / "added-from.json").read_text())["source"] == str(source)
    assert "licence   LICENSE: Some License" in result.stdout
    assert "by An Author" in result.stdout
    assert (kept / "a" / "r.yml").stat().st_mode & 0o777 == 0o600


def test_added_rules_are_used(tmp_path: Path) -> None:
    run("add", folder(tmp_path / "set", {"r.yml": GOOD}))
    listed = run("list", "--format", "json").stdout
    assert "5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1" in listed


def test_new_changed_gone_and_same_are_told(tmp_path: Path) -> None:
    third = GOOD.replace("5f6fb2c8", "5f6fb2ca")
    run("add", folder(tmp_path / "set", {"a.yml": GOOD, "b.yml": OTHER, "d.yml": third}))
    (tmp_path / "set" / "b.yml").unlink()
    folder(
        tmp_path / "set",
        {"a.yml": GOOD.replace("level: low", "level: high"), "c.yml": GOOD.replace("5f6fb2c8", "5f6fb2cb")},
    )
    dry = run("add", tmp_path / "set", "--dry-run")
    assert "1 new, 1 changed, 1 gone, 1 the same" in dry.stderr
    assert (tmp_path / "workspace" / "rules" / "set" / "b.yml").exists()
    run("add", tmp_path / "set")
    assert not (tmp_path / "workspace" / "rules" / "set" / "b.yml").exists()
    assert "0 new, 0 changed, 0 gone, 3 the same" in run("add", tmp_path / "set").stderr
    assert [path.name for path in (tmp_path / "workspace").iterdir() if path.name.startswith(".")] == []


def test_a_broken_rule_is_told_and_stops_nothing(tmp_path: Path) -> None:
    result = run("add", folder(tmp_path / "set", {"a.yml": GOOD, "b.yml": "title: ["}))
    assert result.exit_code == 0
    assert "unusable  b.yml" in result.stdout


def test_a_set_without_a_usable_rule_is_refused(tmp_path: Path) -> None:
    assert run("add", folder(tmp_path / "set", {"b.yml": "title: ["})).exit_code == 1
    assert not (tmp_path / "workspace" / "rules").exists()


@pytest.mark.parametrize(
    "name", ["../r.yml", "/etc/r.yml", "a/../../r.yml", "..\\r.yml", "C:/r.yml", "C:r.yml"]
)
def test_an_archive_that_would_write_outside_its_place_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped({"ok.yml": GOOD, name: OTHER}, tmp_path / "evil.zip")
    with pytest.raises(RuleError, match="outside its place"):
        read_source(str(path))


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yml"
    secret.write_text(OTHER)
    source = folder(tmp_path / "set", {"r.yml": GOOD})
    (source / "link.yml").symlink_to(secret)
    (source / "dir").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(source / "pipe.yml")
    assert set(read_source(str(source))) == {"r.yml"}
    entry = zipfile.ZipInfo("link.yml")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(entry, str(secret))
        archive.writestr("r.yml", GOOD)
    assert set(read_source(str(tmp_path / "l.zip"))) == {"r.yml"}


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped({"a.yml": b" " * 3_900_000}, tmp_path / "bomb.zip")
    with pytest.raises(RuleError, match="times its size"):
        read_source(str(bomb))
    monkeypatch.setattr(rulesource, "FILES", 2)
    with pytest.raises(RuleError, match="more than 2 rule files"):
        read_source(str(zipped({f"{n}.yml": "a: b" for n in range(3)}, tmp_path / "many.zip")))
    with pytest.raises(RuleError, match="too large"):
        read_source(str(folder(tmp_path / "big", {"a.yml": "x" * 4_100_000})))


def listing(entries: int, path: Path, said: int | None = None, long: bool = False) -> Path:
    """A zip of nothing but a list of so many files; said: how many its end speaks of."""
    head = (b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4s4B4HL2L5H2L", *head)
    directory = b"".join(entry + b"%04x." % (number % 65536) for number in range(entries))
    count = entries if said is None else said
    end = b""
    if long:
        end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), 0)
        end += struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    size = 0xFFFFFFFF if long else len(directory)
    end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, min(count, 65535), min(count, 65535), size, 0, 0)
    path.write_bytes(directory + end)
    return path


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("said", [None, 1])
def test_a_zip_of_millions_of_files_is_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool, said: int | None
) -> None:
    """Whatever it says of their number itself."""
    few = listing(50, tmp_path / "few.zip", said, long)
    many = listing(300_000, tmp_path / "many.zip", said, long)
    assert read_source(str(few)) == {}
    with zipfile.ZipFile(few) as archive:
        assert len(archive.infolist()) == 50, "the sample is one that zipfile reads"
    monkeypatch.setattr(zipfile, "ZipInfo", None)
    begun = time.process_time()
    with pytest.raises(RuleError, match=r"many.zip lists more than 200,000 files: that is no set of rules"):
        read_source(str(many))
    monkeypatch.setattr(rulesource, "DIRECTORY_BYTES", 1_000)
    with pytest.raises(RuleError, match="lists more than"):
        read_source(str(few))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no", b"not a zip at all", bytes(range(256))])
def test_what_is_no_zip_is_refused_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(RuleError, match="no folder and no sound zip"):
        read_source(str(tmp_path / "x.zip"))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damage_is_told_in_a_sentence_whatever_packed_it(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.yml"), GOOD * 10, compress_type=method)
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data[:50] + b"\xff" * 8 + data[58:])
    with pytest.raises(RuleError, match="no folder and no sound zip"):
        read_source(str(tmp_path / "x.zip"))


def test_a_zip_is_fetched_from_an_address(server: str, tmp_path: Path) -> None:
    assert run("add", f"{server}/set.zip").exit_code == 0
    assert (tmp_path / "workspace" / "rules" / "set" / "set-main" / "r.yml").exists()


def test_a_wrong_address_is_one_sentence(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "answers 404" in run("add", f"{server}/none.zip").stderr
    assert "cannot be fetched" in run("add", "http://127.0.0.1:1/set.zip").stderr
    monkeypatch.setattr(rulesource, "DOWNLOAD_BYTES", 10)
    assert "is refused" in run("add", f"{server}/set.zip").stderr


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "", "x" * 70])
def test_a_name_cannot_lead_anywhere(name: str) -> None:
    with pytest.raises(RuleError):
        name_of(f"/{name}" if "/" not in name else "/", name if "/" in name else "")


def test_a_folder_that_cannot_be_swapped_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "rules"
    put({"r.yml": GOOD.encode()}, shelf, "set", "here", "now")
    plain = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(RuleError, match="No space left"):
        put({"o.yml": OTHER.encode()}, shelf, "set", "here", "now")
    assert (shelf / "set" / "r.yml").read_text() == GOOD
    assert compare({"r.yml": GOOD.encode()}, shelf, "set").same == 1


def test_a_bytes_stream_of_a_zip_is_read_in_memory() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("r.yml", GOOD)
    assert set(rulesource._from_zip(stream, "x")) == {"r.yml"}
