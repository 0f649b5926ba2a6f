"""A broker's address: `host:port`, an IPv6 address in brackets (`[2001:db8::7]:9092`).

aiokafka takes a good deal more and makes something else of it, so what has not this form is refused.
"""

from __future__ import annotations

import re

from xdrtui.plain import visible
from xdrtui.sources.step import Step

_FORM = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:,/\[\]]+)):([0-9]{1,5})")


def parts(address: str) -> tuple[str, int]:
    """Host and port; ("", 0) where it has not that form."""
    found = _FORM.fullmatch(address)
    if not found or not 0 < int(found[3]) < 65_536:
        return "", 0
    return found[1] or found[2], int(found[3])


def joined(host: str, port: int) -> str:
    """The address of a host and a port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def problem(address: str) -> Step | None:
    """What is wrong with how an address is written, or None."""
    if parts(address)[0]:
        return None
    what = f"the broker's address {visible(address)} is no host:port"
    advice = "write it so, e.g. kafka-1:9092"
    if "://" in address:
        advice = "write it without what stands before `//`, e.g. kafka-1:9092; TLS is set by tls: true"
    elif "," in address:
        advice = "write each as an item of its own, e.g. [kafka-1:9092, kafka-2:9092]"
    elif any(each.isspace() for each in address):
        advice = "write it without blanks, e.g. kafka-1:9092"
    elif address.count(":") > 1:
        advice = "write an IPv6 address in brackets, e.g. '[2001:db8::7]:9092'"
    return Step("address", False, what, advice, "address")
