"""Names of hosts and users as lists show them: short; pages show them whole. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdrtui.triage.rows import AlertRow


def short_host(host: str) -> str:
    """A host without its domain; addresses stay whole; an ARN is its last part."""
    if host.startswith("arn:"):
        return host.rsplit("/", 1)[-1] or host
    first, dot, _ = host.partition(".")
    return first if dot and first and not first.isdigit() and ":" not in first else host


def short_user(user: str) -> str:
    """A user without its domain: `CORP\\ada` and `ada@corp.example` are ada; an ARN is its last part."""
    if user.startswith("arn:"):
        return user.rsplit("/", 1)[-1] or user
    name = user.rsplit("\\", 1)[-1]
    return name.split("@", 1)[0] or name or user


def main_entity(alert: AlertRow) -> tuple[str, str]:
    """What the alert is about, where no host is named: (field, value) that groups it, or an address."""
    if alert.host:
        return "host.name", alert.host
    for field, value in (*alert.group, *(pair for pair in alert.entities if pair[0] in ("address", "host"))):
        if value and value != alert.user:
            return field, value
    return "", ""
