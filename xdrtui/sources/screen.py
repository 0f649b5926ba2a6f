"""Stand between Kafka's replies and the client that decodes them.

In: fetch replies, as aiokafka's connection hands them on. Out: the same without what would harm: batches are
checked and decompressed up to a cap (`batches.py`), in a thread where that takes long; where one cannot be
read the client sees an empty reply, and the source learns of a `Hole`: which offsets, and where reading goes
on. aiokafka would fetch a damaged batch again for ever, pass by one with a wrong length, and decompress bombs
in the event loop.

Bytes may also be damaged on their way, so a batch counts as damaged only when it came three times alike. Its
header is believed only where the broker confirms it: no checksum covers where a batch begins.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from xdrtui.sources.batches import Damage, base_offset, screen

ALIKE = 3
AT_ONCE = 4_000_000
"""Bytes that are decompressed in the event loop, some 4 ms; a thread would cost more than that, and no usual
reply holds more. What goes beyond is left to a thread."""

REPLY_BYTES = 16_000_000
"""Decompressed bytes that one reply brings at once, but for its first batch, which may be larger; what goes
beyond is asked for again."""

PROBE_MS = 500
PROBE_BYTES = 1_000_000
_CORRUPT = 2  # error code: the broker itself finds its log damaged
_LOG_DAMAGED = "the broker finds its log damaged"
_READ_COMMITTED = 1


class Hole(msgspec.Struct, frozen=True):
    """Offsets that cannot be read, from first up to but without next. found: their damage; asked: where the
    client stands before it; by_header: its end is what its own header says, else it was searched for."""

    asked: int
    first: int
    next: int
    found: Damage
    by_header: bool


class Suspect(msgspec.Struct):
    """A batch that could not be read once or more. print: of its bytes; times: that it came alike; seen: in
    all."""

    asked: int
    print: bytes
    damage: Damage
    end: int
    times: int = 1
    seen: int = 1

    @property
    def settled(self) -> bool:
        """Reading it again changes nothing."""
        return self.damage.certain or self.times >= ALIKE


class Held(msgspec.Struct):
    """What open transactions hold back. stable: up to where all are complete; end: of the partition; since:
    when stable last moved, or nothing was held back."""

    stable: int
    end: int
    since: float


class Screen:
    """The screen of one consumer; made before it starts. heard: when a reply last spoke of a partition;
    distrusted: up to which offset a partition's batches are mended: the client stumbled over one of them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._send = client.send
        client.send = self.send  # the one seam: all of aiokafka's requests go through it
        self.heard: dict[TopicPartition, float] = {}
        self.held: dict[TopicPartition, Held] = {}
        self.suspects: dict[TopicPartition, Suspect] = {}
        self.distrusted: dict[TopicPartition, int] = {}
        self._ended: dict[TopicPartition, int] = {}  # where the last batch handed on ended
        self._settled = asyncio.get_running_loop().create_future()

    async def send(self, node: int, request: Any, **more: Any) -> Any:
        """Send a request; where the reply brings messages, screen them."""
        reply = await self._send(node, request, **more)
        if isinstance(request, FetchRequest) and reply.topics:
            wanted = {
                TopicPartition(topic, number): offset
                for topic, partitions in request.topics
                for number, offset, _ in partitions
            }
            await self._screen(reply, wanted)
        return reply

    async def _screen(self, reply: Any, wanted: dict[TopicPartition, int]) -> None:
        room, brought, doubts = REPLY_BYTES, 0, 0
        topics = []
        for topic, partitions in reply.topics:
            screened = []
            for number, code, end, *more in partitions:
                each = TopicPartition(topic, number)
                offset = wanted.get(each, -1)
                data = more[-1] or b""
                if code == 0:
                    self._hear(each, end, more[0] if len(more) > 1 else end)
                if code == _CORRUPT:  # of the broker's own log; aiokafka only logs it, and asks again
                    code, data = 0, b""
                    self._suspect(each, offset, end, Damage(offset, -1, 0, _LOG_DAMAGED, False, b"", 0))
                elif data and offset >= 0:
                    data = await self._look(each, data, offset, end, room, whole=not brought)
                    room -= len(data)
                if each in self.suspects and self.suspects[each].seen > doubts:
                    doubts = self.suspects[each].seen
                brought += len(data)
                screened.append((number, code, end, *more[:-1], data))
            topics.append((topic, screened))
        reply.topics = topics
        if doubts and not brought:  # asked again at once, the same would come at the speed of the wire
            await asyncio.sleep(min(0.01 * doubts**2, 1.0))

    async def _look(
        self, each: TopicPartition, data: bytes, offset: int, end: int, room: int, *, whole: bool
    ) -> bytes:
        distrusted, aligned = self.distrusted.get(each, -1), self._ended.get(each) == offset
        found = screen(
            data, offset, end, room=min(max(room, 1), AT_ONCE), distrusted=distrusted, aligned=aligned
        )
        if found.full and room > AT_ONCE:
            rest = await asyncio.to_thread(
                screen,
                data[found.read :],
                found.after,
                end,
                room=room - found.expanded,
                whole=whole and not found.parts,
                distrusted=distrusted,
                aligned=aligned or found.read > 0,
            )
            found = found.followed_by(rest)
        if found.damage is not None:
            self._suspect(each, offset, end, found.damage)
        elif found.parts:
            self.suspects.pop(each, None)
            self._ended[each] = found.after
        return found.readable

    def _suspect(self, each: TopicPartition, offset: int, end: int, damage: Damage) -> None:
        # of a batch whose header makes no sense one cannot tell where it ends, so only its header is compared
        shown = damage.raw if damage.next >= 0 else damage.raw[:61]
        print_ = hashlib.blake2b(shown, digest_size=16).digest()
        known = self.suspects.get(each)
        if known is None or known.asked != offset:
            known = self.suspects[each] = Suspect(offset, print_, damage, end)
        else:
            known.seen += 1
            known.times = known.times + 1 if known.print == print_ else 1
            known.print, known.damage, known.end = print_, damage, end
        if known.settled and not self._settled.done():
            self._settled.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """Is done when a suspect is settled that was not when this was asked for."""
        if self._settled.done():
            self._settled = asyncio.get_running_loop().create_future()
        return self._settled

    def _hear(self, each: TopicPartition, end: int, stable: int) -> None:
        now = time.monotonic()
        self.heard[each] = now
        held = self.held.get(each)
        if held is None or stable != held.stable or stable >= end:
            self.held[each] = Held(stable, end, now)
        else:
            held.end = end

    def forget(self, each: TopicPartition) -> None:
        """The partition is placed anew, or no longer ours."""
        self.passed(each)
        self.held.pop(each, None)
        self.heard[each] = time.monotonic()

    def passed(self, each: TopicPartition) -> None:
        """Reading goes on elsewhere in this partition."""
        for known in (self.suspects, self.distrusted, self._ended):
            known.pop(each, None)

    def distrust(self, each: TopicPartition) -> bool:
        """No client could take apart what was handed on last: mend it when it comes again. False where it is
        mended already."""
        until = self._ended.get(each, -1)
        if until <= self.distrusted.get(each, -1):
            return False
        self.distrusted[each] = until
        return True

    # --- holes

    async def go_past(self, consumer: Any) -> None:
        """For who only looks on: read on behind what cannot be read. Raises KafkaError."""
        for each in list(self.suspects):
            hole = await self.hole(each)
            if hole is not None:
                consumer.seek(each, max(hole.next, hole.asked + 1))
                self.passed(each)

    async def hole(self, each: TopicPartition) -> Hole | None:
        """What is settled about this partition's suspect, with the offset at which reading goes on. Raises
        KafkaError where the broker does not answer; ask again then."""
        suspect = self.suspects.get(each)
        if suspect is None or not suspect.settled:
            return None
        damage, asked = suspect.damage, suspect.asked
        end = self.held[each].stable if each in self.held else suspect.end
        if damage.certain:
            return Hole(asked, damage.first, damage.next, damage, by_header=True)
        if asked < damage.next <= end and await self._confirmed(each, damage, end):
            return Hole(asked, damage.first, damage.next, damage, by_header=True)
        after = await self._search(each, asked, end)
        return Hole(asked, asked, after, damage, by_header=False)

    async def _confirmed(self, each: TopicPartition, damage: Damage, end: int) -> bool:
        """The batch ends where its header says: from there on there is another, or nothing; just before it
        there is still this one."""
        if damage.next < end and await self._begins(each, damage.next) < damage.next:
            return False
        return damage.next - 1 == damage.first or await self._probe(each, damage.next - 1, damage.first) < 0

    async def _search(self, each: TopicPartition, bad: int, end: int) -> int:
        """The first offset after `bad` from which something can be read; end if there is none."""
        low, high, step = bad, end, 1
        while low + step < end:
            begins = await self._probe(each, low + step, bad)
            if begins >= 0:
                high = max(low + 1, min(low + step, begins))
                break
            low, step = low + step, step * 2
        while high - low > 1:
            middle = (low + high) // 2
            begins = await self._probe(each, middle, bad)
            if begins < 0:
                low = middle
            else:
                high = max(low + 1, min(middle, begins))
        return high

    async def _probe(self, each: TopicPartition, offset: int, bad: int) -> int:
        """Where the batch begins that is read from this offset; -1 if it cannot be read, or is the one that
        holds `bad`."""
        data, end = await self._ask(each, offset)
        found = await asyncio.to_thread(screen, data, offset, end, strict=True)
        begins = int.from_bytes(found.readable[:8], "big") if found.readable else -1
        return begins if begins > bad else -1

    async def _begins(self, each: TopicPartition, offset: int) -> int:
        """Where the batch that is sent for this offset begins by its header; -1 if that makes no sense."""
        data, end = await self._ask(each, offset)
        return base_offset(data, offset, end)

    async def _ask(self, each: TopicPartition, offset: int) -> tuple[bytes, int]:
        """What the partition's leader sends for this offset, and where it says that the partition ends."""
        node = self._client.cluster.leader_for_partition(each)
        if node is None or node < 0:
            raise LeaderNotAvailableError(f"partition {each.partition} has no leader")
        topics = [(each.topic, [(each.partition, offset, PROBE_BYTES)])]
        reply = await self._send(node, FetchRequest(PROBE_MS, 1, PROBE_BYTES, _READ_COMMITTED, topics))
        for _, partitions in reply.topics:
            for _, code, end, *more in partitions:
                if code and code != _CORRUPT:
                    raise for_code(code)(each)
                return (more[-1] or b"") if not code else b"", end
        raise KafkaError("an empty reply")
