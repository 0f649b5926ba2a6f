"""A broker's address is host:port; what has another form is told how to write it."""

from __future__ import annotations

import pytest

from xdrtui.errors import BrokerError
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.address import joined, parts, problem
from xdrtui.sources.connection import connection
from xdrtui.sources.step import Step


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("kafka-1:9092", "kafka-1", 9092),
        ("10.0.0.1:1", "10.0.0.1", 1),
        ("[2001:db8::7]:9092", "2001:db8::7", 9092),
    ],
)
def test_host_and_port_are_told_apart_and_put_together(address: str, host: str, port: int) -> None:
    assert (parts(address), problem(address)) == ((host, port), None)
    assert joined(host, port) == address


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("kafka-1", "e.g. kafka-1:9092"),
        ("kafka-1:", "e.g. kafka-1:9092"),
        ("kafka-1:99999", "e.g. kafka-1:9092"),
        ("kafka-1:9092 ", "without blanks"),
        ("https://kafka-1:9092", "what stands before `//`"),
        ("kafka-1:9092,kafka-2:9092", "an item of its own"),
        ("::1:9092", "in brackets"),
        ("2001:db8::7", "in brackets"),
    ],
)
def test_what_is_none_says_how_to_write_it_and_no_client_is_given_it(address: str, advice: str) -> None:
    found = problem(address)
    assert found is not None and advice in found.advice
    settings = KafkaSettings(brokers=["kafka-1:9092", address], topics=["events"])
    with pytest.raises(BrokerError, match="is no host:port"):
        connection(settings).arguments()


def test_advice_that_asks_ends_with_its_question() -> None:
    assert Step("port", False, "it refuses", "is it running?").sentence == "it refuses: is it running?"
    assert Step("port", False, "it refuses", "start it").sentence == "it refuses: start it."
