"""A storm of kills over two workers that share a topic, and what must hold when it is over.

Workers join, leave and die by SIGKILL, at named points and at random, while messages come in; after each
death the store's files are left as a power cut would leave them (`power_cut`). When it is over a worker reads
what is left, and `Verdict` compares the store with a single clean pass. Every wait is bounded; only processes
started here are killed, by their handles.
"""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO

import msgspec
from aiokafka import AIOKafkaProducer

from tests.kafka import wal
from tests.kafka.killable import PARTITIONS, START, Order, message, said, synced, work
from xdrtui.errors import StoreError
from xdrtui.points import POINTS
from xdrtui.store.archive.catalogue import FOLDER
from xdrtui.store.archive.files import ROLLING
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import RESERVE
from xdrtui.store.deadletters import key_of
from xdrtui.store.export import export_alerts
from xdrtui.store.place import DATABASE
from xdrtui.store.store import Store

POINT_SECONDS = 4.0
SELDOM_SECONDS = 18.0
"""How long a worker may take to reach the point at which it is to die; then it is killed where it is."""

TRIES = 4
BATCHES = ("archive.append", "archive.fsync.", "batch.", "insert.", "commit.", "kafka.commit.")
"""Points that a worker reaches with every batch, or nearly; the others seldom, or when the lease of a dead
one has run out."""

MADE = ("*.parquet*", "few-*", "rest-*")
"""What rolling makes."""

RANDOM = ""
START_SECONDS = 20.0
LAST_SECONDS = 120.0


class Report(msgspec.Struct):
    """What was done. kills: point -> how often a worker died there ("" = killed at random); missed: how often
    one did not come to it in time and died elsewhere; joined, left: second workers that came and went in good
    order; cut: files cut back to what was fsynced; commits_cut: how often the database lost its last commits,
    too."""

    seed: int
    kills: Counter[str] = msgspec.field(default_factory=Counter)
    missed: Counter[str] = msgspec.field(default_factory=Counter)
    joined: int = 0
    left: int = 0
    cut: int = 0
    commits_cut: int = 0
    sent: int = 0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        order = {name: place for place, name in enumerate(POINTS)}
        seen = sorted({*self.kills, *self.missed}, key=lambda name: order.get(name, -1))
        by_point = [
            f"  {name or 'at random':<24}{self.kills[name]:>4}"
            + (f"   not reached in time {self.missed[name]}" if self.missed[name] else "")
            for name in seen
        ]
        return [
            f"{sum(self.kills.values())} kills, seed {self.seed}, {self.sent} messages, {self.joined} joined,"
            f" {self.left} left, {self.cut} files and {self.commits_cut} times the database cut back,"
            f" {self.seconds:.0f} s",
            *by_point,
        ]


class Storm:
    """One topic, one group, one store, and workers that die. `run` ends with all messages sent and every
    worker gone."""

    def __init__(self, folder: Path, bootstrap: str, topic: str, group: str, seed: int, letters: str) -> None:
        """letters: topic for dead letters."""
        self.store = folder / "stormy"
        self.folder = folder
        self.order = Order(str(self.store), bootstrap, topic, group, dead_letters=letters)
        self.dice = random.Random(seed)
        self.report = Report(seed)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.kafka.killable"])
        self._workers: list[BaseProcess] = []
        self._feeding = True

    async def run(self, points: Sequence[str]) -> Report:
        """One kill for each of the points, RANDOM among them; what a worker does not come to in time is tried
        again in place of a random one."""
        begun = time.monotonic()
        feeder = asyncio.create_task(self._feed())
        try:
            owed: list[str] = []
            for number, point in enumerate(points):
                point = owed.pop(0) if owed and point == RANDOM else point
                if not await self._kill(point) and self.report.missed[point] < TRIES:
                    owed.append(point)
                if number and number % 3 == 0:
                    await self._start("")
                    self.report.joined += 1
                elif number % 3 == 2:
                    await self._leave()
            await self._leave()
        finally:
            self._feeding = False
            await feeder
            for worker in self._workers:
                worker.kill()
                worker.join()
        self.report.seconds = time.monotonic() - begun
        return self.report

    async def _start(self, point: str) -> BaseProcess:
        order = msgspec.structs.replace(self.order, point=point)
        worker = self.context.Process(target=work, args=(order,), daemon=True)
        worker.start()
        self._workers.append(worker)
        return worker

    async def _kill(self, wanted: str) -> bool:
        """Start a worker that dies at the point; where it does not come there in time, kill it as it is: then
        False."""
        point = wanted
        self._all_alive()
        before = self._messages()
        often = point.startswith(BATCHES)
        times = self.dice.randint(1, 2 if often else 1)
        worker = await self._start(f"{point}:{times}" if point else "")
        if point == RANDOM:
            await self._until(lambda: self._messages() > before, START_SECONDS)
            await asyncio.sleep(self.dice.uniform(0, 0.3))
        elif not await self._until(lambda: not worker.is_alive(), POINT_SECONDS if often else SELDOM_SECONDS):
            self.report.missed[point] += 1
            point = RANDOM
        worker.kill()
        worker.join()
        self._workers.remove(worker)
        self._ended_as(worker, -9)
        self.report.kills[point] += 1
        if not self._workers:  # nobody has the database open
            self.report.commits_cut += wal.lose(self.store, self.folder / "synced", self.dice) > 0
        self.report.cut += power_cut(self.folder, self.dice)
        return point == wanted

    async def _leave(self) -> None:
        """The oldest of the other workers goes in good order."""
        if not self._workers:
            return
        worker = self._workers.pop(0)
        worker.terminate()
        if not await self._until(lambda: not worker.is_alive(), START_SECONDS):
            worker.kill()
        worker.join()
        self._ended_as(worker, 0, -15)  # -15: told to stop before it could listen
        self.report.left += 1

    def _ended_as(self, worker: BaseProcess, *codes: int) -> None:
        """Fail, with what the worker said, where it ended otherwise."""
        text = said(self.folder, worker.pid)
        assert worker.exitcode in codes, f"a worker ended with {worker.exitcode}, having said:\n{text}"

    def _all_alive(self) -> None:
        for worker in self._workers:
            assert worker.is_alive(), (
                f"a worker ended with {worker.exitcode}, having said:\n{said(self.folder, worker.pid)}"
            )

    async def _until(self, ready: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    def _messages(self) -> int:
        try:
            with Store.open(self.store, readonly=True) as store:
                return store.counts().get("messages", 0)
        except StoreError:  # not there yet, or being made
            return 0

    async def _feed(self) -> None:
        """Messages at about 300 a second, over all partitions, as long as the storm lasts."""
        producer = AIOKafkaProducer(bootstrap_servers=self.order.bootstrap, enable_idempotence=True)
        await producer.start()
        try:
            while self._feeding:
                for number in range(self.report.sent, self.report.sent + 30):
                    at = (START + number // 4) * 1000
                    partition = number % PARTITIONS
                    await producer.send(
                        self.order.topic, message(number), partition=partition, timestamp_ms=at
                    )
                self.report.sent += 30
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()


def power_cut(folder: Path, dice: random.Random) -> int:
    """Leave the files of dead workers as a power cut may: cut to what was fsynced, garbage behind it.

    SIGKILL alone never tests fsync: what a process wrote stays in the kernel's cache. What a living worker
    has locked is left alone. Fails where the database names a file whose bytes, or whose name, were not
    fsynced.
    """
    if not (folder / "stormy" / DATABASE).exists():
        return 0
    named = _named(folder / "stormy")  # before: what living workers fsync and name meanwhile is not missed
    on_disk, names = synced(folder / "synced")
    archive = folder / "stormy" / FOLDER
    count = 0
    for path in sorted(archive.glob("hot-*.arrows")):
        with path.open("r+b") as file:
            if _is_free(file):
                _cut(file, path.name, on_disk, named, dice)
                count += 1
    with (archive / ROLLING).open("a+b") if archive.exists() else nullcontext() as rolling:
        if rolling is not None and _is_free(rolling):  # nobody makes such files now; more may be named
            named = _named(folder / "stormy")
            on_disk, names = synced(folder / "synced")
            for path in [each for kind in MADE for each in sorted(archive.glob(kind))]:
                if path.name in named or dice.random() < 0.5:
                    with path.open("r+b") as file:
                        _cut(file, path.name, on_disk, named, dice)
                else:
                    path.unlink()
                count += path.name not in named
    for name, size in named.items():
        path = archive / name
        assert not path.exists() or name in names, f"the name {name} is not on the disk, the database has it"
        assert not path.exists() or on_disk.get(name, 0) >= size, f"{name} was not fsynced"
    return count + _cut_reserve(folder / "stormy" / RESERVE, on_disk)


def _is_free(file: IO[bytes]) -> bool:
    """Lock it, unless a living process has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _cut(
    file: IO[bytes], name: str, on_disk: Mapping[str, int], named: Mapping[str, int], dice: random.Random
) -> None:
    length = min(on_disk.get(name.removesuffix(".new"), 0), os.fstat(file.fileno()).st_size)
    size = named.get(name, 0)
    assert size <= length, f"{name} has {length} bytes on the disk, the database says {size}"
    file.truncate(length)
    if name.endswith(".parquet") and size:
        return  # whole: its reader looks at its end
    file.seek(length)
    file.write(dice.randbytes(dice.randint(1, 300)))


def _cut_reserve(path: Path, on_disk: Mapping[str, int]) -> int:
    if not path.exists() or path.name in on_disk:
        return 0
    os.truncate(path, 0)
    return 1


def _named(directory: Path) -> dict[str, int]:
    """File of the archive -> the length that the database names."""
    try:
        with Store.open(directory, readonly=True) as store:
            return dict(store.connection.execute("SELECT path, size FROM archive WHERE state <> 'old'"))
    except StoreError:  # killed before it was made
        return {}


class Verdict(msgspec.Struct, frozen=True):
    """What a store says when all was read. lost: positions with neither event nor dead letter; both:
    positions with an event and a dead letter, or with two dead letters; archived: every event's
    position; dead_keys: of its dead letters."""

    alerts: list[str]
    counts: dict[str, int]
    positions: dict[int, int]
    findings: list[tuple[object, ...]]
    lost: list[tuple[int, int]]
    both: list[tuple[int, int]]
    archived: list[tuple[object, ...]]
    dead_keys: set[str]


def judge(directory: Path, sent: int) -> Verdict:
    """Read a store. sent: how many messages there were in all."""
    with Store.open(directory, readonly=True) as store:
        connection = store.connection
        (source,) = store.sources()
        positions = {each: mark.next_offset for each, mark in store.positions(source).items()}
        findings = list(
            connection.execute(
                "SELECT rule, partition, offset, idx, alert, time, event_hash FROM findings"
                " ORDER BY rule, partition, offset, idx"
            )
        )
        dead = Counter(connection.execute("SELECT partition, offset FROM dead_letters").fetchall())
        hit = {(row[1], row[2]) for row in findings}
        every = {(number % PARTITIONS, number // PARTITIONS) for number in range(sent)}
        return Verdict(
            alerts=list(export_alerts(connection)),
            counts=store.counts(),
            positions=positions,
            findings=findings,
            lost=sorted(every - hit - dead.keys()),
            both=sorted([*(hit & dead.keys()), *(at for at, n in dead.items() if n > 1)]),
            archived=archived(store),
            dead_keys={key_of(letter.position) for letter in store.dead_letters(limit=sent)},
        )


def archived(store: Store) -> list[tuple[object, ...]]:
    """Partition, offset, index and raw event of every row of the archive."""
    rows: list[tuple[object, ...]] = []
    with Reader(store) as reader:
        for file in reader.files:
            for part in reader.parts(file, ()):
                rows += part.data.select("@partition", "@offset", "@index", "@raw").rows()
        assert not reader.faults, reader.faults
    return sorted(rows)


def read_to_end(orders: Sequence[Order], context: multiprocessing.context.ForkServerContext) -> None:
    """For each a worker that reads all there is and ends, side by side."""
    last = [msgspec.structs.replace(order, until_end=True, group="") for order in orders]
    workers = [context.Process(target=work, args=(order,), daemon=True) for order in last]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(LAST_SECONDS)
        if worker.is_alive():
            worker.kill()
            worker.join()
        text = said(Path(orders[0].directory).parent, worker.pid)
        assert worker.exitcode == 0, f"a last worker ended with {worker.exitcode}, having said:\n{text}"
