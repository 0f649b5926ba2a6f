"""The broker that the tests start, and what is told where it cannot be reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.kafka.broker import Broker, free_ports
from tests.kafka.certificates import Certificates
from tests.kafka.mock import MockBroker
from xdrtui.errors import BrokerError
from xdrtui.settings.secrets import Secret
from xdrtui.sources.broker import KafkaConnection, ask_broker


async def test_what_is_produced_is_consumed(broker: Broker | MockBroker, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap(), enable_idempotence=True)
    await producer.start()
    for number in range(10):
        await producer.send(topic, b"%d" % number, partition=0, headers=[("h", b"x")])
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap(), auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    values: list[bytes] = []
    while len(values) < 10:
        for records in (await consumer.getmany(timeout_ms=5000)).values():
            values += [record.value for record in records]
    await consumer.stop()
    assert values == [b"%d" % number for number in range(10)]


async def test_the_broker_tells_its_cluster_and_topics(broker: Broker | MockBroker, topic: str) -> None:
    report = await ask_broker(KafkaConnection((broker.bootstrap(),)), [topic])
    assert report.topics == {topic: 1}
    assert report.cluster


SECURED = {
    "SASL_PLAINTEXT PLAIN": ("LOGIN", "plain"),
    "SASL_PLAINTEXT SCRAM-SHA-256": ("LOGIN", "scram-sha-256"),
    "SASL_SSL PLAIN": ("SECURE", "plain"),
    "SASL_SSL SCRAM-SHA-256": ("SECURE", "scram-sha-256"),
    "SASL_SSL SCRAM-SHA-512": ("SECURE", "scram-sha-512"),
}


@pytest.mark.parametrize("name", SECURED)
async def test_every_login_is_let_in_with_its_password_and_refused_without(
    real: Broker, pem: Certificates, name: str
) -> None:
    listener, sasl = SECURED[name]
    good = KafkaConnection(
        (real.bootstrap(listener),),
        tls=listener == "SECURE",
        ca_file=str(pem.authority) if listener == "SECURE" else "",
        sasl=sasl,
        user="analyst",
        password=Secret("correct horse"),
    )
    assert (await ask_broker(good)).cluster
    bad = KafkaConnection(
        good.brokers, good.tls, good.ca_file, sasl=sasl, user="analyst", password=Secret("wrong")
    )
    with pytest.raises(BrokerError, match="refuses the login of 'analyst' by " + sasl.upper()) as error:
        await ask_broker(bad)
    assert "wrong" not in str(error.value)


async def test_mutual_tls_lets_in_who_shows_a_certificate(real: Broker, pem: Certificates) -> None:
    known = KafkaConnection(
        (real.bootstrap("MUTUAL"),),
        tls=True,
        ca_file=str(pem.authority),
        certificate_file=str(pem.client_certificate),
        key_file=str(pem.client_key),
    )
    assert (await ask_broker(known)).cluster
    with pytest.raises(BrokerError, match="certificate_file"):
        await ask_broker(KafkaConnection(known.brokers, tls=True, ca_file=known.ca_file))


async def test_a_broker_of_another_authority_is_refused(real: Broker, pem: Certificates) -> None:
    with pytest.raises(BrokerError, match=r"certificate of .* is not accepted: .*ca_file"):
        await ask_broker(
            KafkaConnection((real.bootstrap("SECURE"),), tls=True, ca_file=str(pem.stranger), sasl="plain")
        )


async def test_plain_text_to_a_tls_port_says_so(real: Broker) -> None:
    with pytest.raises(BrokerError, match="not as a PLAINTEXT listener"):
        await ask_broker(KafkaConnection((real.bootstrap("MUTUAL"),)))


async def test_tls_to_a_plain_port_says_so(real: Broker, pem: Certificates) -> None:
    with pytest.raises(BrokerError, match="does not speak TLS: it answers as Kafka without"):
        await ask_broker(KafkaConnection((real.bootstrap(),), tls=True, ca_file=str(pem.authority)))


async def test_a_missing_topic_is_named(real: Broker) -> None:
    with pytest.raises(BrokerError, match="has no topic nowhere"):
        await ask_broker(KafkaConnection((real.bootstrap(),)), ["nowhere"])


async def test_a_closed_port_is_told_apart_from_a_wrong_name() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=f"127.0.0.1:{port} refuses the connection"):
        await ask_broker(KafkaConnection((f"127.0.0.1:{port}",)))
    with pytest.raises(BrokerError, match=r"name nowhere\.invalid cannot be resolved"):
        await ask_broker(KafkaConnection(("nowhere.invalid:9092",)))
    with pytest.raises(BrokerError, match="is no host:port"):
        await ask_broker(KafkaConnection(("nowhere",)))


async def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    with pytest.raises(BrokerError, match=r"ca\.pem cannot be used"):
        await ask_broker(KafkaConnection(("127.0.0.1:1",), tls=True, ca_file=str(wrong)))
