"""Login by Kerberos on a real broker with a real KDC; not among `make test`, since CI has no KDC.

    python -m tests.kafka.soak_kerberos

It needs Debian's krb5-kdc and krb5-admin-server, and the extra `kerberos` (built with libkrb5-dev and gcc).
What is missing is said, with exit code 2.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.kafka import kerberos
from tests.kafka.broker import PLAIN, Broker, Listener
from tests.kafka.kerberos import Realm, login_module
from tests.kafka.rig import failures
from tests.kafka.test_kafka_source import produce
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.store.store import Store

REAUTHENTICATE_MS = 3_000


def main() -> int:
    if lack := kerberos.missing():
        print(f"missing: {lack} (Debian: krb5-kdc, krb5-admin-server)")
        return 2
    if importlib.util.find_spec("gssapi") is None:
        print("missing: the extra `kerberos` (pip install gssapi; needs libkrb5-dev and gcc)")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        realm = Realm(folder / "realm")
        server, analyst = realm.keytab("kafka/127.0.0.1"), realm.keytab("analyst")
        stranger = realm.keytab("elsewhere/127.0.0.1")
        gssapi = {
            "sasl.enabled.mechanisms": "GSSAPI",
            "sasl.kerberos.service.name": "kafka",
            "gssapi.sasl.jaas.config": login_module(server, "kafka/127.0.0.1"),
        }
        brief = {**gssapi, "gssapi.connections.max.reauth.ms": str(REAUTHENTICATE_MS)}
        broker = Broker(
            folder / "broker",
            (
                PLAIN,
                Listener("KERBEROS", "SASL_PLAINTEXT", gssapi),
                Listener("BRIEF", "SASL_PLAINTEXT", brief),
            ),
            java=[f"-Djava.security.krb5.conf={realm.configuration}"],
        )
        os.environ |= realm.environ
        realm.start()
        try:
            broker.start()
            return run(broker, realm, folder, analyst, stranger)
        finally:
            broker.stop()
            realm.stop()


def run(broker: Broker, realm: Realm, folder: Path, analyst: Path, stranger: Path) -> int:
    topic = asyncio.run(broker.create_topic("events", 1, {"retention.ms": "-1"}))

    def settings(listener: str = "KERBEROS", **more: object) -> KafkaSettings:
        values = {"brokers": [broker.bootstrap(listener)], "topics": [topic], "sasl": "gssapi", "group": "g"}
        return KafkaSettings.model_validate({**values, "start": "earliest", "keytab": str(analyst), **more})

    def said(**more: object) -> str:
        os.environ["KRB5CCNAME"] = "MEMORY:nobody"
        return " | ".join(step.sentence for step in asyncio.run(failures(settings(**more))))

    wrong: list[str] = []

    def expect(name: str, good: bool, seen: object) -> None:
        print(f"{'ok' if good else 'WRONG'}: {name}: {seen}")
        wrong.extend([] if good else [name])

    good = said()
    expect("every step of kafka check works with a keytab", good == "", good or "no failure")
    no_service = said(kerberos_service="nobody")
    expect(
        "a service that the KDC does not know", "there is no ticket for the broker" in no_service, no_service
    )
    stranger.chmod(0o644)
    try:
        open_file = said(keytab=str(stranger))
    finally:
        stranger.chmod(0o600)
    expect("a keytab that others can read", "chmod 600" in open_file, open_file)
    realm.stop()
    away = said(kerberos_service="other")
    expect("a KDC that is away", "there is no ticket for the broker" in away, away)
    realm.start()

    asyncio.run(produce(broker, topic, [b'{"_path":"conn","uid":"%d"}' % n for n in range(100)]))
    process, store, stop = Process(load_rulebook([])), folder / "store", threading.Event()
    thread = threading.Thread(target=lambda: run_worker(store, settings("BRIEF"), process, stop=stop.is_set))
    thread.start()
    try:
        expect("a worker reads", wait(lambda: messages(store) == 100), messages(store))
        realm.stop()
        time.sleep(2 * REAUTHENTICATE_MS / 1000)  # connections end, and the KDC is away
        asyncio.run(produce(broker, topic, [b'{"_path":"conn","uid":"%d"}' % n for n in range(100)]))
        realm.start()
        name = "a worker goes on after its connections ended and the KDC was away"
        expect(name, wait(lambda: messages(store) == 200, 90), messages(store))
    finally:
        stop.set()
        thread.join()
    return 1 if wrong else 0


def wait(met: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not met() and time.monotonic() < until:
        time.sleep(0.2)
    return met()


def messages(directory: Path) -> int:
    if not (directory / "xdrtui.sqlite").exists():
        return 0
    with Store.open(directory, readonly=True) as store:
        return store.counts().get("messages", 0)


if __name__ == "__main__":
    raise SystemExit(main())
