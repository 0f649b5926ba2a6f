"""What befalls a store and its disk: one clear sentence each, and positions that fit the findings."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from detectors.sigma.cache import Cache
from tests.xdrtui.store_samples import START, batch, found, mark
from tests.xdrtui.worker_samples import RULE, SETTINGS, FakeSource, payload
from xdrtui.commands import make_group
from xdrtui.errors import StoreError, StoreFull, StoreTooNew
from xdrtui.pipeline import worker as worker_module
from xdrtui.pipeline.correlator import LEASE_SECONDS, Correlator
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.worker import Worker
from xdrtui.store import connect, place
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return book_of(tmp_path_factory.mktemp("rules"))


def book_of(folder: Path) -> Rulebook:
    (folder / "rule.yml").write_text(RULE)
    return load_rulebook([folder / "rule.yml"], cache=Cache(None))


def filled(directory: Path, count: int = 300) -> Path:
    with Store.open(directory) as store:
        store.commit_batch(batch([found(offset=n) for n in range(count)], [mark(count)]))
    return directory / place.DATABASE


def grow(directory: Path, start: int, count: int = 200) -> None:
    with Store.open(directory) as store:
        new = [found(offset=n) for n in range(start, start + count)]
        store.commit_batch(batch(new, [mark(start + count, start=start)]))


def whole(directory: Path) -> int:
    """The stored position, which must fit the findings."""
    with Store.open(directory, readonly=True) as store:
        (count, last) = store.connection.execute("SELECT count(*), max(offset) FROM findings").fetchone()
        position = store.positions("s")[0].next_offset
    assert position == count == last + 1
    return position


# --- a damaged file


def _header(data: bytearray) -> None:
    data[:100] = random.Random(1).randbytes(100)


def _first_page(data: bytearray) -> None:
    data[100:4096] = random.Random(1).randbytes(3996)


def _pages(data: bytearray) -> None:
    data[4096:] = random.Random(1).randbytes(len(data) - 4096)


def _half(data: bytearray) -> None:
    del data[len(data) // 2 :]


@pytest.mark.parametrize("damage", [_header, _first_page, _pages, _half])
@pytest.mark.parametrize("readonly", [False, True])
def test_a_damaged_database_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: object, readonly: bool
) -> None:
    path = filled(tmp_path)
    data = bytearray(path.read_bytes())
    assert callable(damage)
    damage(data)
    path.write_bytes(data)
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(
        make_group(), ["deadletters", "retry", "--all"] if not readonly else ["alerts", "list"]
    )
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert "is damaged" in result.output and "put back a copy" in result.output


def test_damage_that_shows_only_within_a_batch_is_the_same_sentence(tmp_path: Path) -> None:
    path = filled(tmp_path, 3_000)
    with Store.open(tmp_path) as store:
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = store.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'findings'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[(root - 1) * 4096 : root * 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        grow(tmp_path, 3_000)


# --- a newer schema, a network file system


def test_a_newer_schema_is_refused_and_read_where_it_says_it_may_be(tmp_path: Path) -> None:
    filled(tmp_path)
    with sqlite3.connect(tmp_path / place.DATABASE) as connection:
        connection.execute(f"PRAGMA user_version = {connect.VERSION + 1}")
    connection.close()
    with pytest.raises(StoreTooNew, match="upgrade xdrtui"):
        grow(tmp_path, 300)
    assert whole(tmp_path) == 300
    with sqlite3.connect(tmp_path / place.DATABASE) as connection:
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'readable_from'", (str(connect.VERSION + 1),)
        )
    connection.close()
    with pytest.raises(StoreTooNew, match="upgrade xdrtui"):
        whole(tmp_path)


@pytest.mark.parametrize("kind", sorted(place.NETWORK))
def test_a_network_file_system_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StoreError, match=kind):
        place.prepare(tmp_path / "store", {"/": "ext4", str(tmp_path.resolve()): kind})


# --- a disk that is full, or read-only


def on_a_small_disk(tmp_path: Path, program: str, size: str = "3m") -> list[str]:
    """Run a program with `disk`, a file system of its own of this size; what it printed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size={size} none "{disk}" && exec "$0" -c "$1"'
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("missing: the right to make a mount namespace (`unshare -rm`)")
    head = (
        "import asyncio, os, subprocess, sys, time\nfrom pathlib import Path\n"
        "from tests.xdrtui.test_store_faults import *\n"
        "from xdrtui.pipeline.committer import Committer\n"
        "from xdrtui.settings.model import ArchiveSettings\n"
        "from xdrtui.store import workers\n"
        f"disk = Path({str(disk)!r})\n"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, sys.executable, head + program],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="missing: unshare")
def test_a_full_disk_leaves_the_positions_whole_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    program = """
filled(disk / "store")
ballast = disk / "ballast"
at = 300
taken = sum(file.stat().st_size for file in (disk / "store").iterdir())
ballast.write_bytes(bytes(max(0, 3 * 2**20 - taken - 600_000)))
try:
    while True:
        grow(disk / "store", at)
        at += 200
except StoreFull as error:
    print(error)
print(whole(disk / "store") == at, at > 300)
ballast.unlink()
grow(disk / "store", at)
print(whole(disk / "store") == at + 200)
"""
    sentence, fits, went_on = on_a_small_disk(tmp_path, program)
    assert sentence.startswith("The disk is full: free some space")
    assert (fits, went_on) == ("True True", "True")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="missing: unshare")
def test_a_worker_with_an_archive_on_a_full_disk_stops_whole_says_so_and_resumes(tmp_path: Path) -> None:
    """First archiving stops, then the worker; the reserve gives the database room to record the fault."""
    program = """
book = book_of(disk.parent)
payloads = [payload(number) for number in range(4_000)]
archive = ArchiveSettings(free_megabytes=2)
sink = lambda _: Committer(disk / "store", Process(book), clock=time.time_ns, archive=archive)
def work(source, until_end):
    more = {"until_end": until_end, "open_source": source.open, "open_sink": sink}
    worker = Worker(disk, SETTINGS, Process(book), **more)
    return asyncio.run(worker.run())
with Store.open(disk / "store"):
    pass
class Filling(FakeSource):
    async def commit(self, done):
        if not (disk / "ballast").exists():  # from now on there is next to no room
            stat = os.statvfs(disk)
            (disk / "ballast").write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - 300_000)))
try:
    work(Filling({0: payloads}, size=100), False)
except StoreFull as error:
    print(error)
with Store.open(disk / "store", readonly=True) as store:
    position = next(iter(store.positions("kafka:c:t:0").values())).next_offset
    (count,) = store.connection.execute("SELECT count(*) FROM findings").fetchone()
    print(0 < position == count < 4_000, sorted(fault.key for fault in workers.faults(store.connection)))
(disk / "ballast").unlink()
print(work(FakeSource({0: payloads}, size=100), True).messages + position)
with Store.open(disk / "store", readonly=True) as store:
    print(*store.connection.execute("SELECT count(*), max(offset) FROM findings").fetchone())
"""
    sentence, state, messages, findings = on_a_small_disk(tmp_path, program, "24m")
    assert sentence.startswith("The disk is full")
    assert state.startswith("True") and "disk" in state
    assert (messages, findings) == ("4000", "4000 3999")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="missing: unshare")
def test_whoever_reads_on_a_full_disk_is_told_that_it_is_full(tmp_path: Path) -> None:
    """SQLite has no room for its lock files there, and calls that an I/O error."""
    program = """
filled(disk / "store")
stat = os.statvfs(disk)
(disk / "ballast").write_bytes(bytes(stat.f_bavail * stat.f_frsize))
from click.testing import CliRunner
from xdrtui.commands import make_group
for words in (["hunt", "uid:x"], ["alerts", "list"], ["status"]):
    done = CliRunner().invoke(make_group(), words, env={"XDRTUI_WORKSPACE": str(disk / "store")})
    print(done.output.strip())
"""
    for sentence in on_a_small_disk(tmp_path, program):
        assert sentence.startswith("Error: The disk is full, so the database"), sentence
        assert sentence.endswith("free some space.")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="missing: unshare")
def test_a_read_only_disk_is_said_and_can_still_be_read(tmp_path: Path) -> None:
    program = """
filled(disk / "store")
subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
print(whole(disk / "store"))
try:
    grow(disk / "store", 300)
except StoreError as error:
    print(error)
"""
    position, sentence = on_a_small_disk(tmp_path, program)
    assert position == "300"
    assert "cannot be written (Read-only file system): choose another workspace" in sentence


async def test_a_worker_on_a_full_disk_stops_whole_and_resumes(tmp_path: Path, book: Rulebook) -> None:
    """The disk is full as SQLite sees it: it may not make its file longer."""
    topic = {0: [payload(number) for number in range(400)]}
    fake = FakeSource(topic, size=20)

    def one_batch_at_a_time() -> None:
        fake.size = 20 if fake.committed.get(0, 0) >= fake.next[0] else 0

    fake.before_fetch = one_batch_at_a_time
    real = connect._connect

    def small(path: Path, readonly: bool, durable: bool) -> sqlite3.Connection:
        connection = real(path, readonly, durable)
        if connection.execute("PRAGMA user_version").fetchone()[0]:
            connection.execute("PRAGMA max_page_count = 150")
        return connection

    with Store.open(tmp_path):
        pass
    process = Process(book)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "_connect", small)
        with pytest.raises(StoreFull):
            await Worker(tmp_path, SETTINGS, process, until_end=True, open_source=fake.open).run()
    with Store.open(tmp_path) as store:
        position = next(iter(store.positions("kafka:c:t:0").values())).next_offset
        (count,) = store.connection.execute("SELECT count(*) FROM findings").fetchone()
        assert 0 < position == count < 400
    again = FakeSource(topic, size=20)
    summary = await Worker(tmp_path, SETTINGS, Process(book), until_end=True, open_source=again.open).run()
    assert summary.messages == 400 - position
    with Store.open(tmp_path) as store:
        assert store.connection.execute("SELECT count(*) FROM findings").fetchone() == (400,)


# --- held by another process


async def test_a_database_held_by_another_process_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: Rulebook
) -> None:
    with Store.open(tmp_path):
        pass
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(worker_module, "BUSY_SECONDS", 0.05)
    program = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / place.DATABASE)]
    fake = FakeSource({0: [payload(number) for number in range(30)]})
    work = Worker(tmp_path, SETTINGS, Process(book), until_end=True, open_source=fake.open)
    holders: list[subprocess.Popen[bytes]] = []

    def hold() -> None:
        if fake.fetches == 1:
            holder = subprocess.Popen(command, stdout=subprocess.PIPE)
            holders.append(holder)
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            threading.Timer(0.8, holder.kill).start()

    fake.before_fetch = hold
    try:
        summary = await work.run()
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()
    assert summary.messages == 30
    with Store.open(tmp_path) as store:
        assert store.connection.execute("SELECT count(*) FROM findings").fetchone() == (30,)


# --- clocks


@pytest.mark.parametrize("jump", [-86_400, 86_400, -400 * 86_400, 400 * 86_400])
async def test_a_clock_that_jumps_changes_no_alert(tmp_path: Path, jump: int, book: Rulebook) -> None:

    said = []
    for name, jumps in (("even", 0), ("jumping", jump)):
        now = (START // SECOND + 1_000_000) * SECOND
        calls = 0

        def clock(jumps: int = jumps, now: int = now) -> int:
            nonlocal calls
            calls += 1
            return now + calls * 1000 + (jumps * SECOND if calls > 40 else 0)

        fake = FakeSource({0: [payload(number) for number in range(60)]})
        work = Worker(
            tmp_path / name, SETTINGS, Process(book), until_end=True, clock=clock, open_source=fake.open
        )
        summary = await work.run()
        assert (summary.messages, summary.ended) == (60, "end")
        with Store.open(tmp_path / name) as store:
            said.append(list(export_alerts(store.connection)))
    assert said[0] == said[1] != []


def test_a_lease_taken_before_the_clock_went_back_does_not_hold_for_ever(tmp_path: Path) -> None:
    """Whoever took it while the clock was a day ahead is gone; the next one waits no longer than a lease."""
    now = 1_800_000_000 * SECOND
    with Store.open(tmp_path, clock=lambda: now + 86_400 * SECOND) as store:
        store.commit_batch(batch([found(offset=1)], [mark(2)]))
        assert Correlator(store, holder="gone").fold().mine
    with Store.open(tmp_path, clock=lambda: now) as store:
        store.commit_batch(batch([found(offset=2)], [mark(3, start=2)]))
        assert Correlator(store, holder="next").fold().mine
    with Store.open(tmp_path, clock=lambda: now + LEASE_SECONDS * SECOND // 2) as store:
        store.commit_batch(batch([found(offset=3)], [mark(4, start=3)]))
        assert not Correlator(store, holder="third").fold().mine


def test_the_file_is_private(tmp_path: Path) -> None:
    assert filled(tmp_path).stat().st_mode & 0o777 == 0o600
