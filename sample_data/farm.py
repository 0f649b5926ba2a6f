"""The Linux servers of the miner scenario: hosts, accounts, the outside world.

A web shop: three web servers, a database, a bastion, a build server, monitoring and a vulnerability scanner.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    name: str
    ip: str
    cores: int = 4


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    home: str


WEB1, WEB2, WEB3 = (Server(f"web-{number:02d}", f"10.30.1.{10 + number}") for number in (1, 2, 3))
DB, BASTION = Server("db-01", "10.30.2.11", 8), Server("bastion", "10.30.0.5", 2)
CI, MON = Server("ci-01", "10.30.2.30", 8), Server("mon-01", "10.30.2.20")
SCAN = Server("scan-01", "10.30.2.40", 2)
WEBS = (WEB1, WEB2, WEB3)
SERVERS = (*WEBS, DB, BASTION, CI, MON)
RESOLVER = "10.30.0.53"

ROOT = Account("root", 0, "/root")
WWW = Account("www-data", 33, "/var/www")
DEPLOY, ANSIBLE = Account("deploy", 1001, "/home/deploy"), Account("ansible", 1002, "/home/ansible")
WEBADMIN = Account("webadmin", 1005, "/home/webadmin")
STAFF = tuple(
    Account(name, 1010 + index, f"/home/{name}")
    for index, name in enumerate(("mira", "tomas", "ines", "jonas"))
)
OPS = STAFF[:2]
DEVELOPERS = STAFF[2:]
BY_NAME = {one.name: one for one in (ROOT, WWW, DEPLOY, ANSIBLE, WEBADMIN, *STAFF)}

ATTACKER = "203.0.113.200"
PAYLOAD = ("dl.pkgmirror.test", "203.0.113.201")
POOL = ("xmr.pool-eu.test", "198.51.100.150")

SHOP = "shop.alderlane.example"
OUTSIDE = {
    "deb.mirror.example": "198.51.100.30",
    "registry.packages.example": "198.51.100.31",
    "api.payments.example": "198.51.100.32",
    "partner.shipping.example": "198.51.100.33",
    "hc.monitoring.example": "198.51.100.34",
    "git.codehost.example": "198.51.100.35",
    "smtp.relay.example": "192.0.2.50",
    "ntp.pool.example": "192.0.2.51",
    "cdn.images.example": "192.0.2.52",
}
