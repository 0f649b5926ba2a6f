"""Indicators made harmless for a mail or a ticket, and back again. Pure.

`defang` writes an address, a domain, a URL or a mailbox so that no program takes it for a link; anything else
(a path, a hash) is left as it is. `refang` undoes it, also as others write it.
Law: where `refang(x)` is x, `refang(defang(x))` is x.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

NETWORK_KINDS = frozenset({"address", "domain", "url", "email"})
"""Kinds of entities that are defanged."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}\.?(?::\d+)?")
_MAILBOX = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/]+")
_REAL = (
    ("[.]", "."), ("(.)", "."), ("[dot]", "."), ("[:]", ":"), ("[@]", "@"), ("[at]", "@"), ("[://]", "://"),
)  # fmt: skip


def defang(value: str, kind: str = "") -> str:
    """`https://evil.example/a` as `hxxps[://]evil[.]example/a`. kind: of the entity, where it is known."""
    if kind and kind not in NETWORK_KINDS:
        return value
    if refang(value) != value:
        return value  # it looks defanged already: once more would not come back
    if _is_address(value):
        return value.replace(".", "[.]").replace(":", "[:]")
    if (url := _URL.fullmatch(value)) is not None:
        scheme, place, rest = url.groups()
        return f"{_swapped(scheme, 'tT', 'xX')}[://]{place.replace('.', '[.]')}{rest}"
    if _MAILBOX.fullmatch(value):
        return value.replace("@", "[@]").replace(".", "[.]")
    if kind == "domain" or _DOMAIN.fullmatch(value):
        return value.replace(".", "[.]")
    return value


def refang(value: str) -> str:
    """`hxxp://evil[.]example` as what it stands for."""
    for safe, real in _REAL:
        value = value.replace(safe, real)
    found = re.match(r"hxxps?(?=:)", value, re.IGNORECASE)
    return _swapped(found[0], "xX", "tT") + value[found.end() :] if found else value


def _swapped(scheme: str, old: str, new: str) -> str:
    """http as hxxp, or back; its case is kept."""
    wanted = re.fullmatch(f"h[{old}]{{2}}ps?", scheme, re.IGNORECASE)
    return scheme.translate(str.maketrans(old, new)) if wanted else scheme


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True
