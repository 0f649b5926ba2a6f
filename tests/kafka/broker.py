"""A real Apache Kafka for the tests: one process, KRaft combined mode, on free ports of 127.0.0.1.

The jars come from the pom beside this file, once, into a cache. `Broker` formats a directory of its own,
starts, waits until it answers, and is stopped by its process id. Listeners are data (`Listener`), so that
secured ones stand beside the plain one in the same broker.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError

HERE = Path(__file__).parent
VERSION = "4.1.1"
START_SECONDS = 90.0


class Missing(Exception):
    """What this machine lacks to run a real broker, and how to get it, in one line."""


@dataclass(frozen=True)
class Listener:
    """One way in. protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; properties: without the prefix
    `listener.name.<name>.`; proxied: clients are told another port than its own, for a proxy; host: where it
    listens, as Kafka writes it."""

    name: str
    protocol: str
    properties: Mapping[str, str] = field(default_factory=dict)
    proxied: bool = False
    host: str = "127.0.0.1"


PLAIN = Listener("PLAINTEXT", "PLAINTEXT")


def cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "xdrtui-tests" / f"kafka-{VERSION}"


def jars() -> Path:
    """The folder with the broker's jars; fetched by Maven the first time. Raises Missing."""
    if shutil.which("java") is None:
        raise Missing("no real Kafka: `java` 17 or newer is missing (Debian: default-jre-headless)")
    folder = cache_folder()
    if (folder / "complete").exists():
        return folder
    if shutil.which("mvn") is None:
        raise Missing("no real Kafka: `mvn` is missing, it fetches the broker's jars (Debian: maven)")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={folder}"], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise Missing(f"no real Kafka: Maven could not fetch the jars: {done.stdout.strip()[-300:]}")
    (folder / "complete").touch()
    return folder


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def new_cluster() -> str:
    return "k" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]  # never begins with a dash


class Broker:
    """One broker with its own directory. `bootstrap(listener)` is where clients connect.

    users: name -> password, known to SCRAM-SHA-256 and SCRAM-SHA-512; extra: properties, an empty one leaves
    ours out; cluster: id of the cluster that it is one of several brokers of.
    """

    real = True

    def __init__(
        self,
        folder: Path,
        listeners: Sequence[Listener] = (PLAIN,),
        users: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
        java: Sequence[str] = (),
        cluster: str = "",
    ) -> None:
        self.folder = folder
        self.listeners = tuple(listeners)
        self.users = dict(users or {})
        self.extra = dict(extra or {})
        self._options = tuple(java)
        self._cluster = cluster
        names = [listener.name for listener in self.listeners]
        ports = free_ports(2 * len(names) + 1)
        self.controller = ports.pop()
        self.ports = dict(zip(names, ports[: len(names)], strict=True))
        self.proxied = {
            listener.name: port
            for listener, port in zip(self.listeners, ports[len(names) :], strict=True)
            if listener.proxied
        }
        """Where the proxy of a listener must listen."""
        self._process: subprocess.Popen[bytes] | None = None

    def bootstrap(self, listener: str = "PLAINTEXT") -> str:
        (host,) = (each.host for each in self.listeners if each.name == listener)
        return f"{host}:{self.ports[listener]}"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def start(self) -> None:
        """Format the directory if it is new, start, wait until a client gets an answer."""
        libraries = jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties())
            self._format(libraries, properties)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(libraries), "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self, kill: bool = False) -> None:
        """End the process that `start` began; SIGKILL with `kill`, or when it takes too long."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    async def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap())
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config or {}))])
        finally:
            await admin.close()
        return name

    async def delete_topic(self, name: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap())
        await admin.start()
        try:
            await admin.delete_topics([name])
            deadline = time.monotonic() + 20
            while name in await admin.list_topics() and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
        finally:
            await admin.close()

    async def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        """Move the partition's start to this offset, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap())
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})
        finally:
            await admin.close()

    def _java(self, libraries: Path) -> list[str]:
        logging = (HERE / "log4j2.yaml", HERE / "log4j2.properties")
        chosen = next((path for path in logging if path.exists()), None)
        options = [*self._options, *([f"-Dlog4j2.configurationFile={chosen}"] if chosen else [])]
        return ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", *options, "-cp", f"{libraries}/*"]

    def _properties(self) -> str:
        names = [listener.name for listener in self.listeners]
        where = [f"{name}://{self.bootstrap(name)}" for name in names]
        told = [
            f"{each.name}://{each.host}:{self.proxied.get(each.name, self.ports[each.name])}"
            for each in self.listeners
        ]
        protocols = [f"{listener.name}:{listener.protocol}" for listener in self.listeners]
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller}",
            "listeners": ",".join([*where, f"CONTROLLER://127.0.0.1:{self.controller}"]),
            "advertised.listeners": ",".join(told),
            "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": names[0],
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "3",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "3",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "log.cleaner.backoff.ms": "200",
            "message.max.bytes": "20000000",
            **self.extra,
        }
        for listener in self.listeners:
            for name, value in listener.properties.items():
                lines[f"listener.name.{listener.name.lower()}.{name}"] = value
        return "".join(f"{name}={value}\n" for name, value in lines.items() if value)

    def _format(self, libraries: Path, properties: Path) -> None:
        cluster = self._cluster or new_cluster()
        alone = [] if self._cluster else ["--standalone"]
        scram = [
            part
            for name, password in self.users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("-S", f"{mechanism}=[name={name},password={password}]")
        ]
        command = [*self._java(libraries), "kafka.tools.StorageTool", "format", *alone]
        done = subprocess.run(
            [*command, "-t", cluster, "-c", str(properties), *scram],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"kafka storage format failed: {done.stdout}{done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if asyncio.run(_answers(self.bootstrap(self.listeners[0].name))):
                return
            time.sleep(0.2)
        self.stop(kill=True)
        tail = "\n".join(re.findall(r".*(?:ERROR|FATAL|Exception).*", self.log.read_text())[-10:])
        raise RuntimeError(f"the broker did not start, see {self.log}\n{tail}")


async def _answers(bootstrap: str) -> bool:
    host, port = bootstrap.rsplit(":", 1)
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return bool(cluster["brokers"])
