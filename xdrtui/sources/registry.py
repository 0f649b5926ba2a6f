"""Messages in the framing of a schema registry (Avro, JSON Schema) as JSON.

In: payloads. Out: payloads, those in the framing (a zero byte, a schema's number in four bytes, the rest)
turned into JSON; what no schema fits is handed on as it came, with the reason that its dead letter will
bear. While the registry gives no answer a `RegistryDown` is raised and nothing is lost.

Whoever writes to the topic chooses the numbers: unknown ones are remembered, and asked for only so often; the
most frequent first, so that a flood of made-up numbers does not hide a new schema.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from xdrtui.errors import BrokerError, SettingsError
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.secrets import resolve
from xdrtui.sources.avro import NoAvro, ToJson, Unreadable, UnusableSchema, reader
from xdrtui.sources.http import Answer, TooLarge, WebError, WebPlace, ask, check_url, web
from xdrtui.sources.step import Step

if TYPE_CHECKING:
    import httpx

KEPT = 1_000
"""Schemas, and unknown numbers, that are remembered; the longest unused go first."""

UNKNOWN_SECONDS = 60.0
UNKNOWN_BURST, UNKNOWN_A_SECOND = 50, 5.0
"""So many unknown numbers are asked for at once, and so many a second in the long run."""

SILENCE = 2.0
"""After an answer that did not come nobody asks for so many times as long as was waited for it: messages that
need no registry go on meanwhile."""

REFERENCES = 32
TOLD = 20
_HEAD = 5
_NO_TEXT = frozenset((*range(9), *range(14, 32), *range(127, 0xC2), *range(0xF5, 0xFE)))
"""First bytes of what is no text: UTF-8 and UTF-16 may begin with the others."""

_NOT_THERE = (404, 422)
"""The first three digits of the registry's own error codes."""


class RegistryDown(Exception):
    """The registry gives no usable answer now. `str(error)` is a sentence's beginning."""


class _Reference(msgspec.Struct):
    subject: str
    version: int


class _Schema(msgspec.Struct):
    """An answer of /schemas/ids/N and of /subjects/S/versions/V."""

    schema: str
    schemaType: str = "AVRO"
    references: list[_Reference] = []


class _Refused(msgspec.Struct):
    error_code: int = 0


class Known(msgspec.Struct, frozen=True):
    """to_json: None where messages with this number are handed on as they came; until: when to ask again, 0
    for never."""

    to_json: ToJson | None
    why: str = ""
    until: float = 0.0


def _as_it_is(payload: bytes) -> bytes:
    return payload


class Registry:
    """What is known of a registry's schemas. unread: messages that their schema did not fit; notes: what
    people should know, to be taken; clock: seconds, never going back."""

    def __init__(self, place: WebPlace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.place = place
        self.unread = 0
        self.notes: list[str] = []
        self._told = 0
        self._clock = clock
        self._known: OrderedDict[int, Known] = OrderedDict()
        self._unknown_left = float(UNKNOWN_BURST)
        self._counted_at = clock()
        self._silent_until = 0.0
        self._silence = ""

    async def unpack(self, payloads: Sequence[bytes]) -> list[bytes]:
        """The payloads, one for one. Raises RegistryDown."""
        return (await self.read(payloads))[0]

    async def read(self, payloads: Sequence[bytes]) -> tuple[list[bytes], dict[int, str]]:
        """The payloads, one for one, and why those by these indexes are as they came, a clause each. Raises
        RegistryDown."""
        await self._learn(payloads)
        # a thread of its own: meanwhile the heartbeats go out
        return await asyncio.to_thread(self._read, payloads)

    def _read(self, payloads: Sequence[bytes]) -> tuple[list[bytes], dict[int, str]]:
        found, unread = [], {}
        for index, payload in enumerate(payloads):
            number = number_of(payload)
            try:
                found.append(payload if number is None else self._unpacked(number, payload))
            except Unreadable as why:
                self.unread += 1
                found.append(payload)
                unread[index] = str(why)
            else:
                if number is None and payload and payload[0] in _NO_TEXT:
                    unread[index] = unframed(payload)
        return found, unread

    def _unpacked(self, number: int, payload: bytes) -> bytes:
        known = self._known.get(number)
        if known is None:
            raise Unreadable(f"schema {number} was not asked for: too many unknown numbers came at once")
        if known.to_json is None:
            raise Unreadable(f"schema {number} of the registry: {known.why}")
        try:
            return known.to_json(payload[_HEAD:])
        except Unreadable as why:
            raise Unreadable(f"it does not fit schema {number} of the registry: {why}") from None

    async def _learn(self, payloads: Sequence[bytes]) -> None:
        numbers = Counter(number for each in payloads if (number := number_of(each)) is not None)
        now = self._clock()
        missing = []
        for number, _ in numbers.most_common():
            known = self._known.get(number)
            if known is None or (known.until and now >= known.until):
                missing.append(number)
            else:
                self._known.move_to_end(number)
        if not missing:
            return
        if now < self._silent_until:
            raise RegistryDown(self._silence)
        try:
            await self._ask(missing, numbers, now)
        except RegistryDown as down:
            self._silent_until = self._clock() + SILENCE * (self._clock() - now)
            self._silence = str(down)
            raise

    async def _ask(self, missing: Sequence[int], numbers: Counter[int], now: float) -> None:
        self._unknown_left = min(
            UNKNOWN_BURST, self._unknown_left + (now - self._counted_at) * UNKNOWN_A_SECOND
        )
        self._counted_at = now
        async with self._client() as client:
            for number in missing:
                if self._unknown_left < 1:
                    break
                known = await self._asked(client, number)
                if known.to_json is None:
                    self._unknown_left -= 1
                    self._tell(number, known.why)
                self._known[number] = known
                while len(self._known) > max(KEPT, len(numbers)):
                    self._known.popitem(last=False)

    def _tell(self, number: int, why: str) -> None:
        """Say why messages become dead letters, the first times: the numbers may be anybody's."""
        self._told += 1
        if self._told <= TOLD:
            self.notes.append(f"messages with schema {number} cannot be read by the schema registry: {why}.")

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        try:
            async with web(self.place) as client:
                yield client
        except (WebError, BrokerError) as error:
            raise RegistryDown(
                f"the schema registry {self.place.shown} gives no schema now ({str(error).rstrip('.')})"
            ) from None

    async def _asked(self, client: httpx.AsyncClient, number: int) -> Known:
        until = self._clock() + UNKNOWN_SECONDS
        try:
            answer = await ask(client, f"{self.place.url.rstrip('/')}/schemas/ids/{number}")
            if _unknown(answer):
                return Known(None, "there is no such schema", until)
            schema = _read(answer)
            if schema.schemaType == "JSON":
                return Known(_as_it_is)
            if schema.schemaType != "AVRO":
                return Known(None, f"schemas of the kind {visible(schema.schemaType)} are not read", until)
            others = await self._references(client, schema)
            return Known(await asyncio.to_thread(reader, schema.schema, others))
        except (UnusableSchema, TooLarge) as error:
            return Known(None, str(error), until)
        except NoAvro:
            raise WebError("for Avro install the extra: pip install 'xdrtui[registry]'") from None

    async def _references(self, client: httpx.AsyncClient, schema: _Schema) -> list[str]:
        """The schemas that this one names, each after those that it needs itself."""
        done: dict[tuple[str, int], str] = {}

        async def follow(references: Sequence[_Reference], depth: int) -> None:
            for each in references:
                key = (each.subject, each.version)
                if key in done:
                    continue
                if depth > REFERENCES or len(done) >= REFERENCES:
                    raise UnusableSchema(f"it refers to more than {REFERENCES} others")
                place = f"subjects/{quote(each.subject, safe='')}/versions/{each.version}"
                answer = await ask(client, f"{self.place.url.rstrip('/')}/{place}")
                if _unknown(answer):
                    raise UnusableSchema(f"it refers to {visible(each.subject)}, which is not there")
                found = _read(answer)
                await follow(found.references, depth + 1)
                done[key] = found.schema

        await follow(schema.references, 0)
        return list(done.values())


def _unknown(answer: Answer) -> bool:
    """The registry says that there is no such schema or subject; another server's 404 does not say it."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(answer.body, type=_Refused).error_code // 100 in _NOT_THERE
    return False


def _read(answer: Answer) -> _Schema:
    if answer.status in (401, 403):
        raise WebError(f"it refuses the login ({answer.status}): check registry_user and registry_password")
    if answer.status != 200:
        raise WebError(f"it answers {answer.status}: is registry_url right?")
    try:
        return msgspec.json.decode(answer.body, type=_Schema)
    except msgspec.MsgspecError:
        raise WebError("its answer is no schema: is this a schema registry?") from None
    except (UnicodeDecodeError, RecursionError):  # of this schema alone: others may be sound
        raise UnusableSchema("the registry's answer is no JSON, or nested too deep") from None


def number_of(payload: bytes) -> int | None:
    """The schema's number where a message has the framing, else None."""
    if len(payload) <= _HEAD or payload[0]:
        return None
    number: int = struct.unpack_from(">i", payload, 1)[0]
    return number if number >= 0 else None


def unframed(payload: bytes) -> str:
    """Why a message that is no text either has no schema's number."""
    if payload[0]:
        return f"it begins with the byte 0x{payload[0]:02x}, not with the 0x00 of a schema registry's framing"
    if len(payload) <= _HEAD:
        return f"a schema registry's framing without a message: {len(payload)} bytes"
    return "a schema registry's framing with a number below 0"


def open_registry(settings: KafkaSettings) -> Registry | None:
    """The registry of the settings, None where none is set. Raises SettingsError."""
    if not settings.registry_url:
        return None
    check_url("kafka.registry_url", settings.registry_url)
    if settings.registry_user and not settings.registry_password:
        raise SettingsError("kafka.registry_user is set: write kafka.registry_password, too.")
    password = resolve(settings.registry_password) if settings.registry_password else None
    return Registry(
        WebPlace(settings.registry_url, settings.registry_user, password, settings.registry_ca_file)
    )


async def look_at_registry(settings: KafkaSettings) -> Step:
    """Whether it answers and lets us in."""
    try:
        registry = open_registry(settings)
        assert registry is not None
        async with web(registry.place) as client:
            answer = await ask(client, f"{registry.place.url.rstrip('/')}/schemas/types")
    except SettingsError as error:
        what, _, advice = str(error).rstrip(".").rpartition(": ")
        return Step("registry", False, what, advice, "registry.settings")
    except (WebError, BrokerError) as error:
        what = f"the schema registry cannot be used: {str(error).rstrip('.')}"
        return Step("registry", False, what, "check registry_url and registry_ca_file", "registry.down")
    if answer.status in (401, 403):
        what = f"the schema registry {registry.place.shown} refuses the login ({answer.status})"
        return Step("registry", False, what, "check registry_user and registry_password", "registry.login")
    if answer.status != 200:
        what = f"{registry.place.shown} answers {answer.status}, as no schema registry does"
        return Step("registry", False, what, "check registry_url", "registry.other")
    missing = not _has_fastavro()
    if missing:
        return Step(
            "registry", True, f"{registry.place.shown} answers", "for Avro: pip install 'xdrtui[registry]'"
        )
    return Step("registry", True, f"{registry.place.shown} answers")


def _has_fastavro() -> bool:
    import importlib.util

    return importlib.util.find_spec("fastavro") is not None
