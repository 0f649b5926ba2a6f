"""Whether the brokers can be reached, step by step: name, connection, login, topics."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from xdrtui.commands.checks.check import Check, State
from xdrtui.settings import KafkaSettings

AREA = "broker"
PATIENCE = 5.0
"""Seconds that one connection may take."""


def check_broker(kafka: KafkaSettings) -> Iterator[Check]:
    """Checks for each broker that is set; nothing is written, no group is joined."""
    reached = False
    for broker in kafka.brokers:
        check = reach(broker)
        reached = reached or check.state is State.FINE
        yield check


def reach(broker: str, patience: float = PATIENCE) -> Check:
    """Resolve a broker's name and connect to its port."""
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit():
        return Check(AREA, broker, State.BROKEN, "is no address", "write it as host:port")
    try:
        addresses = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, OverflowError, UnicodeError) as error:
        return Check(AREA, broker, State.BROKEN, f"the name is not known ({error})", "check name and DNS")
    last = ""
    for family, kind, protocol, _name, address in addresses:
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(patience)
            try:
                connection.connect(address)
            except TimeoutError:
                last = f"{address[0]} does not answer within {patience:.0f} s"
            except OSError as error:
                last = f"{address[0]}: {error.strerror}"
            else:
                return Check(AREA, broker, State.FINE, f"answers at {address[0]}")
    return Check(AREA, broker, State.BROKEN, last, "check that the broker runs and no firewall is between")
