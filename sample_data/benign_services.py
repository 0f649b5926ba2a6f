"""Services of the invoice scenario that are loud by nature: backups, the directory sync, a scanner, the
mail gateway.

The backup packs and sends gigabytes; the scanner knocks everywhere; a forgotten service account fails to
log on all day. All of it is as it should be (or, as the service account, is at least no attack).
"""

from __future__ import annotations

from sample_data.benign_servers import Servers
from sample_data.domain import (
    BACKUP,
    CMD,
    DC,
    FS1,
    FS2,
    HOSTS,
    MAIL,
    PEOPLE,
    PRINT,
    SCAN,
    SITES,
    SYNC,
    SYSTEM32,
    VAULT,
    WORKSTATIONS,
    Session,
    logon,
)
from sample_data.world import MILLI, MINUTE, OFFICE, SECOND, digest

_REPLICATION = (
    "%%7688\r\n\t\t{1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}\r\n"
)
_REPLICATION_ALL = (
    "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}\r\n"
)
_SENDERS = ("sales", "info", "billing", "news")
_JA3 = tuple(digest(f"tls client {number}", "md5") for number in range(3))


class Services:
    """They run on the same servers."""

    def __init__(self, servers: Servers) -> None:
        self.day, self.windows, self.network, self.dice = (
            servers.day,
            servers.windows,
            servers.network,
            servers.dice,
        )
        self.services = servers.services

    def run(self) -> None:
        self._backups()
        self._directory_sync()
        self._forgotten_account()
        self._scanner()
        self._mail_gateway()

    def _backups(self) -> None:
        """At night files are packed on the file servers, and the result goes off site by SFTP: gigabytes."""
        w, n, dice = self.windows, self.network, self.dice
        for host, first in ((FS1, "01:05"), (FS2, "01:35")):
            session = logon(BACKUP, host, "0", "High")
            w.logon(self.day.at(first), host, session, 4, "-", "Negotiate", elevated=True)
            job = w.start(
                self.day.at(first) + SECOND,
                self.services[host],
                CMD,
                "cmd.exe /c C:\\Backup\\nightly.cmd",
                session,
            )
            for index, folder in enumerate(
                ("Finance", "Share", "HR", "Templates", "Projects", "Sales", "Transfer", "Archive")
            ):
                time = self.day.at(first) + (index * 3 + 1) * MINUTE + dice.upto(40 * SECOND)
                tool = "C:\\Program Files\\7-Zip\\7z.exe"
                packed = w.start(
                    time,
                    job,
                    tool,
                    f'"{tool}" a -t7z -mx=3 E:\\Backup\\{folder.lower()}_20260303.7z D:\\{folder}',
                )
                w.file(time + 2 * SECOND, packed, f"E:\\Backup\\{folder.lower()}_20260303.7z")
                w.stop(time + dice.between(60, 160) * SECOND, packed)
        send = w.start(
            self.day.at("02:30"),
            self.services[FS2],
            "C:\\Program Files\\WinSCP\\WinSCP.com",
            "WinSCP.com /script=C:\\Backup\\offsite.txt",
            logon(BACKUP, FS2, "0", "High"),
        )
        for index in range(3):
            time = self.day.at("02:31") + index * 22 * MINUTE
            n.lookup(time - SECOND, FS2.ip, *VAULT)
            port = w.connect(time, send, VAULT[1], 22, VAULT[0])
            n.connection(
                time,
                FS2.ip,
                VAULT[1],
                22,
                dice.between(3_000, 4_200) * 1_000_000,
                4_000_000,
                20 * MINUTE,
                "ssh",
                source_port=port,
            )
        session = logon(BACKUP, DC, "0", "High")
        shell = w.start(
            self.day.at("00:40"), self.services[DC], CMD, "cmd.exe /c C:\\Backup\\state.cmd", session
        )
        for offset, (name, command) in enumerate(
            (
                ("vssadmin.exe", "vssadmin list shadows"),
                ("wbadmin.exe", "wbadmin start systemstatebackup -backupTarget:E: -quiet"),
                ("vssadmin.exe", "vssadmin list writers"),
            )
        ):
            w.start(self.day.at("00:41") + offset * MINUTE, shell, SYSTEM32 + name, command)

    def _directory_sync(self) -> None:
        """Those who may replicate the directory do: the controller itself and the cloud's sync account."""
        w, dice = self.windows, self.dice
        machine = Session("ALDERBROOK\\DC-01$", "S-1-5-18", "0x3e7", "0", "System")
        for session, period in ((logon(SYNC, DC), 30), (machine, 55)):
            for time in self.day.every(period * MINUTE, 2 * MINUTE, dice):
                for part, properties in enumerate((_REPLICATION, _REPLICATION_ALL)):
                    w.by(time + part * 40 * MILLI, 4662, (DC, session), replication(properties))

    def _forgotten_account(self) -> None:
        """svc_print has an old password on FS-02 and tries it every ten minutes, for years."""
        for time in self.day.every(10 * MINUTE, 2 * SECOND, self.dice):
            self.windows.ticket(time, PRINT.name, PRINT.sid, FS2.ip, status="0x18")
            self.windows.logon_failed(
                time + 60 * MILLI, FS2, PRINT.name, 5, "-", "FS-02", package="Negotiate"
            )

    def _scanner(self) -> None:
        """The vulnerability scanner: one machine every five minutes, many ports, four well-known names."""
        w, n, dice = self.windows, self.network, self.dice
        time = self.day.at("03:00")
        for host in HOSTS:
            for port in dice.some(
                (
                    21,
                    22,
                    23,
                    25,
                    53,
                    80,
                    110,
                    135,
                    139,
                    143,
                    389,
                    443,
                    445,
                    1433,
                    3306,
                    3389,
                    5432,
                    5900,
                    5985,
                    8080,
                    8443,
                    9100,
                ),
                20,
            ):
                open_port = port in (135, 139, 445, 3389, 5985) or (host is MAIL and port in (25, 143))
                n.connection(
                    time + dice.upto(4 * MINUTE),
                    SCAN.ip,
                    host.ip,
                    port,
                    dice.between(0, 900),
                    dice.between(0, 2_000),
                    dice.between(1, 900) * MILLI,
                    "",
                    "SF" if open_port else dice.one(("REJ", "S0")),
                )
            for index, name in enumerate(("Administrator", "admin", "guest", "test")):
                moment = time + (index + 1) * 9 * SECOND
                w.logon_failed(moment, host, name, 3, SCAN.ip, "SCAN-01", "0xc0000064")
                w.validated(moment + 15 * MILLI, name, "SCAN-01", "0xc0000064")
            n.alert(
                time + MINUTE,
                (SCAN.ip, n.port()),
                (host.ip, 445),
                1000021,
                "LOCAL SCAN many ports probed on one host",
                "Attempted Information Leak",
                3,
                "failed",
            )
            n.alert(
                time + 2 * MINUTE,
                (SCAN.ip, n.port()),
                (host.ip, 80),
                1000022,
                "LOCAL SCAN web vulnerability probe",
                "Web Application Attack",
                2,
            )
            time += 5 * MINUTE

    def _mail_gateway(self) -> None:
        n, dice = self.network, self.dice
        for time in dice.moments(self.day, 420, OFFICE):
            sender = f"192.0.2.{dice.between(100, 180)}"
            port = n.port()
            n.connection(
                time,
                sender,
                MAIL.ip,
                25,
                dice.between(2_000, 900_000),
                900,
                dice.between(1, 9) * SECOND,
                "smtp",
                source_port=port,
            )
            n.lookup(
                time + 20 * MILLI, MAIL.ip, ".".join(reversed(sender.split("."))) + ".in-addr.arpa", "", "PTR"
            )
            n.eve(
                time + SECOND,
                "smtp",
                (sender, port),
                (MAIL.ip, 25),
                {
                    "smtp": {
                        "helo": f"mx{dice.between(1, 9)}.{dice.one(tuple(SITES)).split('.', 1)[1]}",
                        "mail_from": f"<{dice.one(_SENDERS)}@{dice.one(tuple(SITES)).split('.', 1)[1]}>",
                        "rcpt_to": [f"<{dice.one(PEOPLE).name}@alderbrook.example>"],
                    }
                },
            )
            if dice.chance(0.08):
                n.alert(
                    time + 2 * SECOND,
                    (sender, port),
                    (MAIL.ip, 25),
                    1000031,
                    "LOCAL INFO compressed attachment in mail",
                    "Misc activity",
                    3,
                    "smtp",
                )
        for time in dice.moments(self.day, 900, OFFICE):
            name = dice.one(tuple(SITES))
            host = dice.one(WORKSTATIONS)
            n.eve(
                time,
                "tls",
                (host.ip, n.port()),
                (SITES[name], 443),
                {
                    "tls": {
                        "sni": name,
                        "version": dice.one(("TLS 1.2", "TLS 1.3")),
                        "ja3": {"hash": dice.one(_JA3)},
                    }
                },
            )
            if dice.chance(0.06):
                n.alert(
                    time + SECOND,
                    (host.ip, n.port()),
                    (SITES[name], 80),
                    1000041,
                    dice.one(
                        ("LOCAL POLICY executable or archive downloaded", "LOCAL INFO software update check")
                    ),
                    "Potential Corporate Privacy Violation",
                    3,
                )


def replication(properties: str) -> dict[str, object]:
    """The fields of a 4662 that reads the whole directory."""
    return {
        "ObjectServer": "DS",
        "ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
        "ObjectName": "%{b6a8c1de-5f0e-4a7c-9b1d-2f6f3f0c7a11}",
        "OperationType": "Object Access",
        "HandleId": "0x0",
        "AccessList": "%%7688\r\n\t\t\t\t",
        "AccessMask": "0x100",
        "Properties": properties,
        "AdditionalInfo": "-",
        "AdditionalInfo2": "",
    }
