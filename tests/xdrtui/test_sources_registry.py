"""Messages of a schema registry: what becomes JSON, what is handed on, and what waits."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import io
import json
import struct
from base64 import b64encode
from pathlib import Path
from typing import Any

import fastavro
import pytest

from tests.kafka import certificates
from tests.kafka.web import Request, WebServer
from xdrtui.errors import SettingsError
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.secrets import Secret
from xdrtui.sources import http
from xdrtui.sources import registry as module
from xdrtui.sources.http import LARGEST, WebPlace
from xdrtui.sources.registry import Registry, RegistryDown, look_at_registry, open_registry

LOGIN = {
    "type": "record",
    "name": "Login",
    "namespace": "acme.security",
    "fields": [
        {"name": "user", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tries", "type": "int"},
        {"name": "host", "type": ["null", "string"], "default": None},
        {"name": "raw", "type": "bytes"},
    ],
}
AT = datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.UTC)
EVENT = {"user": "mallory", "at": AT, "tries": 3, "host": None, "raw": b"\xff\x00"}
AS_JSON = {"user": "mallory", "at": "2026-11-20T08:00:00Z", "tries": 3, "host": None, "raw": "/wA="}


def avro(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def framed(number: int, payload: bytes) -> bytes:
    return struct.pack(">bI", 0, number) + payload


class FakeRegistry:
    """Speaks the part of the API that is used. schemas: number -> answer; down: answers 503."""

    def __init__(self, pair: Path | None = None, login: str = "") -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, dict[str, Any]] = {}
        self.down = False
        self._login = f"Basic {b64encode(login.encode()).decode()}" if login else ""
        self.web = WebServer(self._answer, pair)
        self.url = self.web.url

    def add(self, number: int, schema: Any, kind: str = "AVRO", **more: Any) -> None:
        self.schemas[number] = {"schema": json.dumps(schema), "schemaType": kind, **more}

    def asked(self) -> list[str]:
        return [each.path for each in self.web.requests]

    def _answer(self, request: Request) -> tuple[int, bytes]:
        if self.down:
            return 503, b'{"error_code":50302,"message":"leader not known"}'
        if self._login and request.headers.get("Authorization") != self._login:
            return 401, b"{}"
        *_, kind, last = request.path.split("/")
        if last == "types":
            return 200, b'["JSON","PROTOBUF","AVRO"]'
        if kind == "ids" and int(last) in self.schemas:
            return 200, json.dumps(self.schemas[int(last)]).encode()
        if kind == "versions" and request.path in self.subjects:
            return 200, json.dumps(self.subjects[request.path]).encode()
        return 404, b'{"error_code":40403,"message":"Schema not found"}'


@pytest.fixture
def server() -> Any:
    fake = FakeRegistry()
    fake.add(7, LOGIN)
    yield fake
    fake.web.stop()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def client(server: FakeRegistry, clock: Clock | None = None, **more: Any) -> Registry:
    return Registry(WebPlace(**{"url": server.url, **more}), clock=clock or Clock())


async def test_avro_becomes_json_and_its_schema_is_asked_for_once(server: FakeRegistry) -> None:
    registry = client(server)
    for _ in range(3):
        (payload,) = await registry.unpack([framed(7, avro(LOGIN, EVENT))])
        assert json.loads(payload) == AS_JSON
    assert server.asked() == ["/schemas/ids/7"]


async def test_json_schema_loses_its_five_bytes_alone(server: FakeRegistry) -> None:
    server.add(8, {"type": "object"}, "JSON")
    assert await client(server).unpack([framed(8, b'{"a": 1}')]) == [b'{"a": 1}']


async def test_what_has_no_framing_is_handed_on_without_asking(server: FakeRegistry) -> None:
    plain = [b'{"a":1}', b"", b"\x00", b"\x00\x00\x00\x00\x07", b"<13>syslog", b"\x00\xff\xff\xff\xffx"]
    assert await client(server).unpack(plain) == plain
    assert server.asked() == []


async def test_what_its_schema_does_not_fit_is_handed_on_as_it_came(server: FakeRegistry) -> None:
    server.add(9, {"type": "proto"}, "PROTOBUF")
    server.add(10, {"type": "nonsense"})
    broken = [framed(7, b"\x0a"), framed(9, b"abc"), framed(10, b"abc"), framed(11, b"abc")]
    registry = client(server)
    assert await registry.unpack(broken) == broken
    assert registry.unread == 4
    assert registry.notes[0].endswith(": schemas of the kind PROTOBUF are not read.")
    assert registry.notes[-1].startswith("messages with schema 11 cannot be read by the schema registry")


async def test_a_schema_that_refers_to_others_is_read_with_them(server: FakeRegistry) -> None:
    user = {"type": "record", "name": "User", "namespace": "acme", "fields": [{"name": "id", "type": "int"}]}
    outer = {"type": "record", "name": "Seen", "fields": [{"name": "who", "type": "acme.User"}]}
    server.subjects["/subjects/acme%2Fuser/versions/2"] = {"schema": json.dumps(user)}
    server.add(12, outer, references=[{"name": "acme.User", "subject": "acme/user", "version": 2}])
    assert await client(server).unpack([framed(12, b"\x0a")]) == [b'{"who":{"id":5}}']


async def test_schemas_that_refer_to_each_other_come_to_an_end(server: FakeRegistry) -> None:
    for number in range(50):
        place = f"/subjects/s{number}/versions/1"
        further = [{"name": "x", "subject": f"s{number + 1}", "version": 1}]
        server.subjects[place] = {"schema": '"int"', "references": further}
    server.add(13, "int", references=[{"name": "x", "subject": "s0", "version": 1}])
    raw = [framed(13, b"\x0a")]
    assert await client(server).unpack(raw) == raw
    assert len(server.asked()) < 40


async def test_an_unknown_number_is_remembered_for_a_while(server: FakeRegistry) -> None:
    clock = Clock()
    registry, raw = client(server, clock), [framed(99, avro(LOGIN, EVENT))]
    for _ in range(5):
        assert await registry.unpack(raw) == raw
    assert server.asked() == ["/schemas/ids/99"]
    server.add(99, LOGIN)
    clock.now += module.UNKNOWN_SECONDS + 1
    assert json.loads((await registry.unpack(raw))[0]) == AS_JSON


async def test_each_message_that_is_not_read_has_its_reason(server: FakeRegistry) -> None:
    server.add(12, {}, "PROTOBUF")
    good, plain = framed(7, avro(LOGIN, EVENT)), b'{"plain": 1}'
    bad = [
        framed(99, b"x"),
        framed(12, b"x"),
        framed(7, b"\xff\xff"),
        b"\x01\x00\x00",
        b"\0\0\0\0\7",
        b"\0\xff\0\0\0x",
    ]
    payloads, unread = await client(server).read([good, plain, *bad, b"", b"plain text"])
    assert json.loads(payloads[0]) == AS_JSON and payloads[1:] == [plain, *bad, b"", b"plain text"]
    assert unread.pop(4).startswith("it does not fit schema 7 of the registry: ")
    assert unread == {
        2: "schema 99 of the registry: there is no such schema",
        3: "schema 12 of the registry: schemas of the kind PROTOBUF are not read",
        5: "it begins with the byte 0x01, not with the 0x00 of a schema registry's framing",
        6: "a schema registry's framing without a message: 5 bytes",
        7: "a schema registry's framing with a number below 0",
    }


async def test_what_was_not_asked_for_says_so(server: FakeRegistry) -> None:
    flood = [framed(1000 + number, b"x") for number in range(module.UNKNOWN_BURST + 1)]
    _, unread = await client(server).read(flood)
    said = [why for why in unread.values() if "was not asked for: too many unknown numbers" in why]
    assert len(unread) == len(flood) and len(said) == 1


async def test_a_flood_of_made_up_numbers_neither_asks_much_nor_hides_a_new_schema(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 100)
    registry = client(server)
    good = framed(7, avro(LOGIN, EVENT))
    flood = [framed(1_000 + number, b"x" * 10) for number in range(2_000)]
    payloads = await registry.unpack([*flood, good, good])
    assert json.loads(payloads[-1]) == AS_JSON
    assert payloads[:-2] == flood
    assert len(server.asked()) <= module.UNKNOWN_BURST + 1
    for number in range(20):
        await registry.unpack([framed(10_000 + number, b"x")])
    assert len(registry._known) <= 100


@pytest.mark.parametrize("trouble", ["down", "login", "gone", "not a registry", "another path"])
async def test_a_registry_that_gives_no_answer_loses_nothing(server: FakeRegistry, trouble: str) -> None:
    raw = [framed(7, avro(LOGIN, EVENT))]
    registry = client(server)
    if trouble == "down":
        server.down = True
    elif trouble == "login":
        server._login = "Basic something"
    elif trouble == "gone":
        server.web.stop()
    elif trouble == "another path":
        registry = client(server, url=f"{server.url}/apis")
        server._answer = lambda request: (404, b"no such page")  # type: ignore[method-assign]
        server.web.answer = server._answer
    else:
        server.schemas[7] = {"hello": "world"}
    with pytest.raises(RegistryDown, match=r"the schema registry 127\.0\.0\.1:\d+ gives no schema now"):
        await registry.unpack(raw)
    if trouble == "down":
        server.down = False
        assert json.loads((await registry.unpack(raw))[0]) == AS_JSON
    if trouble == "gone":
        server.web = WebServer(server._answer)


async def test_after_a_silence_nobody_waits_for_the_registry_again_at_once(server: FakeRegistry) -> None:
    """Else every partition, and every dead letter that is retried, waits as long one after the other."""
    clock = Clock()
    registry = client(server, clock)

    async def silent(*_: object) -> None:
        clock.now += 8.0
        raise http.WebError("it does not answer within 8 s")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ask", silent)
        for number in range(20):
            with pytest.raises(RegistryDown, match="does not answer within 8 s"):
                await registry.unpack([framed(number, b"x")])
        assert clock.now == 8.0
    server.add(7, LOGIN)
    clock.now += 17
    assert json.loads((await registry.unpack([framed(7, avro(LOGIN, EVENT))]))[0]) == AS_JSON


@pytest.mark.parametrize("answer", [b'{"schema":"x","more":' + b"[" * 200_000, b'{"schema":"\xff"}'])
async def test_an_answer_that_harms_the_reader_is_no_schema_and_holds_up_no_other(
    server: FakeRegistry, answer: bytes
) -> None:
    server.web.answer = lambda _: (200, answer)
    found, unread = await client(server).read([framed(1, b"x")])
    assert found == [framed(1, b"x")] and list(unread) == [0]


async def test_a_known_schema_needs_no_registry(server: FakeRegistry) -> None:
    registry, raw = client(server), [framed(7, avro(LOGIN, EVENT))]
    await registry.unpack(raw)
    server.down = True
    assert json.loads((await registry.unpack(raw))[0]) == AS_JSON


async def test_a_schema_without_bound_is_not_read_to_its_end(server: FakeRegistry) -> None:
    server.add(14, {"type": "string", "doc": "x" * LARGEST})
    raw = [framed(14, b"\x02a")]
    assert await client(server).unpack(raw) == raw


async def test_login_and_tls_as_set(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)
    fake = FakeRegistry(made.server_pair, "key:api secret")
    try:
        fake.add(7, LOGIN)
        raw = [framed(7, avro(LOGIN, EVENT))]
        good = client(fake, user="key", password=Secret("api secret"), ca_file=str(made.authority))
        assert json.loads((await good.unpack(raw))[0]) == AS_JSON
        wrong = client(fake, user="key", password=Secret("another"), ca_file=str(made.authority))
        with pytest.raises(RegistryDown, match=r"refuses the login .* registry_password") as refused:
            await wrong.unpack(raw)
        assert "another" not in str(refused.value)
        with pytest.raises(RegistryDown, match="certificate is not accepted"):
            await client(fake).unpack(raw)
    finally:
        fake.web.stop()


async def test_without_fastavro_messages_wait_and_it_is_said_what_to_install(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fastavro", None)
    with pytest.raises(RegistryDown, match=r"pip install 'xdrtui\[registry\]'"):
        await client(server).unpack([framed(7, avro(LOGIN, EVENT))])


@pytest.mark.parametrize(
    "url",
    ["http://registry.example", "ftp://registry.example", "https://user:pw@registry.example", "https://"],
)
def test_an_address_that_would_give_a_secret_away_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="registry_url") as refused:
        open_registry(KafkaSettings(registry_url=url))
    assert "pw" not in str(refused.value)


async def test_the_check_says_what_is_wrong_with_a_registry(tmp_path: Path) -> None:
    fake = FakeRegistry(login="key:right")
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("right")
    good = KafkaSettings(registry_url=fake.url, registry_user="key", registry_password=f"file:{secret}")
    try:
        kinds = [
            (await look_at_registry(each)).kind
            for each in (
                good,
                good.model_copy(update={"registry_user": ""}),
                good.model_copy(update={"registry_url": "http://registry.example"}),
                good.model_copy(update={"registry_password": None}),
            )
        ]
        fake.web.answer = lambda request: (404, b"no such page")
        kinds.append((await look_at_registry(good)).kind)
    finally:
        fake.web.stop()
    kinds.append((await look_at_registry(good)).kind)
    wrong = "registry.settings"
    assert kinds == ["", "registry.login", wrong, wrong, "registry.other", "registry.down"]


# --- hostile servers


async def test_a_compressed_answer_is_not_unpacked_and_a_dripping_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.3)
    bomb = gzip.compress(bytes(50 << 20))
    served = asyncio.Semaphore(0)

    async def serve(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        asked = await reading.readuntil(b"\r\n\r\n")
        if b"/bomb" in asked:
            writing.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb)
        else:
            writing.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                gone = asyncio.ensure_future(reading.read())
                while not gone.done():
                    writing.write(b" ")
                    await asyncio.wait([gone], timeout=0.1)
        writing.close()
        served.release()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, http.web(WebPlace(url)) as asking:
        with pytest.raises(http.WebError, match="compressed"):
            await http.ask(asking, f"{url}/bomb")
        with pytest.raises(http.WebError, match="does not end"):
            await http.ask(asking, f"{url}/drip")
        await served.acquire()
        await served.acquire()
