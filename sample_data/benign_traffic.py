"""The network around the shop of the miner scenario: customers, robots, partners, the scanner."""

from __future__ import annotations

from sample_data.farm import BASTION, CI, DB, MON, OUTSIDE, SCAN, SERVERS, SHOP, WEBS
from sample_data.network import Network
from sample_data.world import MILLI, MINUTE, SECOND, SERVICE, Day, Dice

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_3) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 "
    "Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/"
    "15E148",
    "Mozilla/5.0 (compatible; Searchbot/1.4; +http://search.lookup.example/bot)",
)
_PAGES = (
    "/",
    "/catalog?page=2",
    "/product/lamp-41",
    "/product/chair-7",
    "/cart",
    "/checkout",
    "/login",
    "/uploads/3fa91b02.jpg",
    "/css/shop.css",
    "/js/shop.js",
    "/api/stock?sku=41",
    "/account/orders",
    "/search?q=desk+lamp",
    "/robots.txt",
)
_ODD = (
    "/favicon.ico",
    "/old-shop/index.html",
    "/wp-login.php",
    "/xmlrpc.php",
    "/.well-known/security.txt",
    "/admin",
)


class Traffic:
    def __init__(self, day: Day, network: Network, dice: Dice) -> None:
        self.day, self.network, self.dice = day, network, dice

    def run(self) -> None:
        self._customers()
        self._robots()
        self._inside()
        self._outgoing()
        self._scanner()

    def _customers(self) -> None:
        n, dice = self.network, self.dice
        for time in dice.moments(self.day, 1_500, SERVICE):
            source, host, agent = (
                f"198.51.100.{dice.between(40, 148)}",
                dice.one(WEBS),
                dice.weighted(((5, _AGENTS[0]), (3, _AGENTS[1]), (4, _AGENTS[2]), (1, _AGENTS[3]))),
            )
            for _ in range(dice.between(1, 4)):
                page = dice.one(_PAGES)
                post = page in ("/cart", "/checkout", "/login", "/account/orders") and dice.chance(0.5)
                n.web(
                    time,
                    source,
                    (SHOP, host.ip),
                    "POST" if post else "GET",
                    page,
                    agent,
                    dice.weighted(((40, 200), (3, 304), (4, 302), (1, 404))),
                    sent=dice.between(40, 900) if post else 0,
                    received=dice.between(300, 60_000),
                )
                time += dice.between(2, 60) * SECOND

    def _robots(self) -> None:
        n, dice = self.network, self.dice
        for number in range(40):
            source = f"192.0.2.{150 + number % 50}"
            for time in dice.moments(self.day, dice.between(3, 12), SERVICE):
                for _ in range(dice.between(1, 3)):
                    n.web(
                        time,
                        source,
                        (SHOP, dice.one(WEBS).ip),
                        "GET",
                        dice.one(_ODD),
                        dice.one(("curl/8.5.0", "python-requests/2.31.0", "Mozilla/5.0", _AGENTS[3])),
                        404,
                        received=162,
                    )
                    time += dice.between(1, 20) * SECOND
                n.connection(
                    time,
                    source,
                    dice.one((*WEBS, BASTION)).ip,
                    dice.one((22, 23, 8080, 3389, 5900)),
                    0,
                    0,
                    0,
                    "",
                    dice.one(("S0", "REJ")),
                )

    def _inside(self) -> None:
        n, dice = self.network, self.dice
        for time in dice.moments(self.day, 1_300, SERVICE):
            n.connection(
                time,
                dice.one(WEBS).ip,
                DB.ip,
                5432,
                dice.between(400, 90_000),
                dice.between(900, 900_000),
                dice.between(1, 600) * SECOND,
                "postgresql",
            )
        for host in SERVERS:
            for time in self.day.every(15 * MINUTE, 2 * SECOND, dice):
                n.connection(
                    time, MON.ip, host.ip, 9100, 300, dice.between(20_000, 60_000), 80 * MILLI, "http"
                )
        for time in self.day.every(
            60 * MINUTE, SECOND, dice
        ):  # a pooled connection to the database, and a tunnel
            n.connection(time, WEBS[1].ip, DB.ip, 5432, 900_000, 4_000_000, 58 * MINUTE, "postgresql")
            n.connection(time + SECOND, BASTION.ip, CI.ip, 22, 300_000, 600_000, 57 * MINUTE, "ssh")

    def _outgoing(self) -> None:
        n, dice = self.network, self.dice
        for time in dice.moments(self.day, 1_500, SERVICE):
            host, name = dice.one(SERVERS), dice.one(tuple(OUTSIDE))
            n.lookup(time, host.ip, name, OUTSIDE[name])
            port = {
                "smtp.relay.example": 587,
                "ntp.pool.example": 123,
                "partner.shipping.example": 8443,
                "deb.mirror.example": 80,
            }.get(name, 443)
            if port == 80:
                n.web(
                    time + 30 * MILLI,
                    host.ip,
                    (name, OUTSIDE[name]),
                    "GET",
                    dice.one(
                        (
                            "/debian/dists/bookworm/InRelease",
                            "/debian/pool/main/o/openssl/openssl_3.0.13_amd64.deb",
                            "/debian/pool/main/c/curl/curl_7.88.1_amd64.deb",
                        )
                    ),
                    "Debian APT-HTTP/1.3 (2.6.1)",
                    received=dice.between(9_000, 2_000_000),
                    mime="application/vnd.debian.binary-package",
                )
            elif port == 123:
                n.connection(
                    time + 30 * MILLI, host.ip, OUTSIDE[name], 123, 48, 48, 20 * MILLI, "ntp", proto="udp"
                )
            else:
                n.connection(
                    time + 30 * MILLI,
                    host.ip,
                    OUTSIDE[name],
                    port,
                    dice.between(800, 90_000),
                    dice.between(2_000, 900_000),
                    dice.between(100, 9_000) * MILLI,
                    "ssl",
                )

    def _scanner(self) -> None:
        n, dice = self.network, self.dice
        for time in self.day.every(4 * MINUTE, 20 * SECOND, dice, "00:00", "06:00"):
            host = dice.one(SERVERS)
            n.connection(
                time,
                SCAN.ip,
                host.ip,
                dice.one((21, 22, 80, 443, 3306, 5432, 6379, 8080)),
                0,
                0,
                0,
                "",
                dice.one(("S0", "REJ")),
            )
            n.web(
                time + SECOND,
                SCAN.ip,
                (SHOP, dice.one(WEBS).ip),
                "GET",
                dice.one(("/phpmyadmin/", "/server-status", "/.git/config", "/backup.zip", "/console/")),
                "Mozilla/5.0 (compatible; vulnscan/9.3)",
                404,
                received=162,
            )
