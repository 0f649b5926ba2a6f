"""What people at the workstations of the invoice scenario do all day.

Mail with attachments, office files from shares (some with macros), web pages, archives, wrong passwords by
habit. Much of it looks a little like an attack; none of it is one.
"""

from __future__ import annotations

from sample_data.domain import (
    CMD,
    DC,
    FS1,
    FS2,
    SEAT,
    SITES,
    SYSTEM,
    SYSTEM32,
    Host,
    Person,
    logon,
    lsass,
    process,
    trace,
)
from sample_data.network import Network
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice

CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
OFFICE_ROOT = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
BROWSER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/122.0.0.0 Safari/537.36"
)
PS_AGENT = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4291"
_PAGES = (
    "/",
    "/index.html",
    "/news/today",
    "/search?q=freight+rates",
    "/article/2026/03/port-fees",
    "/css/site.css",
    "/js/app.js",
    "/img/logo.png",
    "/login",
    "/api/v1/items",
    "/weather?city=Bremen",
    "/feed.xml",
)
_MIME = {"css": "text/css", "js": "application/javascript", "png": "image/png", "xml": "text/xml"}
_DOCUMENTS = (
    "offer",
    "packing-list",
    "freight-rates",
    "minutes",
    "order",
    "statement",
    "contract",
    "timesheet",
)


class Desk:
    """One person at one workstation, with the programs that are open from morning to evening."""

    def __init__(self, person: Person, host: Host, day: Day, dice: Dice) -> None:
        self.person, self.host = person, host
        self.session = logon(person, host)
        self.came = day.at("07:20") + dice.upto(70 * MINUTE)
        self.left = day.at("15:45") + dice.upto(150 * MINUTE)
        self.explorer = process(dice, host, "C:\\Windows\\explorer.exe", self.session, self.came)
        self.outlook = process(dice, host, OFFICE_ROOT + "OUTLOOK.EXE", self.session, self.came + 2 * MINUTE)
        self.chrome = process(dice, host, CHROME, self.session, self.came + 3 * MINUTE)
        self.services = process(dice, host, SYSTEM32 + "services.exe", SYSTEM, day.start)
        self.svchost = process(
            dice,
            host,
            SYSTEM32 + "svchost.exe",
            SYSTEM,
            day.start,
            "C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s Schedule",
        )
        self.home = f"C:\\Users\\{person.name}\\"


class Desks:
    """All of them."""

    def __init__(self, day: Day, windows: Windows, network: Network, dice: Dice) -> None:
        self.day, self.windows, self.network, self.dice = day, windows, network, dice
        self.desks = {person: Desk(person, host, day, dice) for person, host in SEAT.items()}

    def run(self) -> None:
        for desk in self.desks.values():
            self._come_and_go(desk)
            span = desk.left - desk.came
            for count, activity in (
                (42, self._browse),
                (34, self._mail),
                (26, self._document),
                (26, self._small_program),
                (14, self._file_server),
                (5, self._archive),
            ):
                for _ in range(count + self.dice.between(-4, 4)):
                    activity(desk, desk.came + 5 * MINUTE + self.dice.upto(span - 10 * MINUTE))

    def _come_and_go(self, desk: Desk) -> None:
        w, dice = self.windows, self.dice
        for _ in range(dice.weighted(((6, 0), (3, 1), (2, 2), (1, 3)))):  # mistyped passwords
            moment = desk.came - dice.between(8, 50) * SECOND
            w.ticket(moment, desk.person.name, desk.person.sid, desk.host.ip, status="0x18")
            w.logon_failed(
                moment + 40 * MILLI,
                desk.host,
                desk.person.name,
                2,
                "127.0.0.1",
                desk.host.name,
                package="Negotiate",
            )
        w.ticket(desk.came, desk.person.name, desk.person.sid, desk.host.ip)
        w.logon(desk.came + 30 * MILLI, desk.host, desk.session, 2, "127.0.0.1", "Negotiate", desk.host.name)
        for offset, name in enumerate(("userinit.exe", "taskhostw.exe", "sihost.exe", "ctfmon.exe")):
            w.start(desk.came + (offset + 1) * 900 * MILLI, desk.svchost, SYSTEM32 + name, name, desk.session)
        script = w.start(
            desk.came + 9 * SECOND, desk.explorer, CMD, "cmd.exe /c \\\\DC-01\\NETLOGON\\logon.cmd"
        )
        for drive, share in (("S:", "\\\\FS-01\\Share"), ("T:", "\\\\FS-02\\Transfer")):
            w.start(
                desk.came + 10 * SECOND + dice.upto(SECOND),
                script,
                SYSTEM32 + "net.exe",
                f"net use {drive} {share} /persistent:no",
            )
        w.start(desk.came + 2 * MINUTE, desk.explorer, desk.outlook.image, f'"{desk.outlook.image}"')
        w.start(desk.came + 3 * MINUTE, desk.explorer, CHROME, f'"{CHROME}"')
        w.logoff(desk.left, desk.host, desk.session, 2)

    def _browse(self, desk: Desk, time: int) -> None:
        w, n, dice = self.windows, self.network, self.dice
        for _ in range(dice.between(1, 5)):
            name = dice.one(tuple(SITES))
            address = SITES[name]
            n.lookup(time, desk.host.ip, name, address)
            if dice.chance(0.4):
                w.resolve(time + 20 * MILLI, desk.chrome, name, address)
            if dice.chance(0.35):
                page = dice.one(_PAGES)
                status = dice.weighted(((16, 200), (3, 304), (2, 302), (1, 404)))
                n.web(
                    time + 40 * MILLI,
                    desk.host.ip,
                    (name, address),
                    "GET",
                    page,
                    BROWSER_AGENT,
                    status,
                    received=0 if status == 304 else dice.between(400, 90_000),
                    mime=_MIME.get(page.rsplit(".", 1)[-1], "text/html"),
                )
            else:
                port = (
                    w.connect(time + 60 * MILLI, desk.chrome, address, 443, name) if dice.chance(0.5) else 0
                )
                upload = dice.between(1, 40) * 1_000_000 if dice.chance(0.02) else dice.between(900, 30_000)
                n.connection(
                    time + 50 * MILLI,
                    desk.host.ip,
                    address,
                    443,
                    upload,
                    dice.between(3_000, 2_000_000),
                    dice.between(1, 240) * SECOND,
                    "ssl",
                    source_port=port,
                )
            time += dice.between(2, 40) * SECOND
        if dice.chance(0.15):
            w.file(
                time,
                desk.chrome,
                f"{desk.home}Downloads\\{dice.one(_DOCUMENTS)}-{dice.between(100, 999)}.pdf",
            )

    def _mail(self, desk: Desk, time: int) -> None:
        n, dice = self.network, self.dice
        n.connection(
            time,
            desk.host.ip,
            "10.20.2.20",
            993,
            dice.between(400, 9000),
            dice.between(900, 400_000),
            dice.between(1, 90) * SECOND,
            "ssl",
        )
        if dice.chance(0.35):
            kind = dice.weighted(((9, "pdf"), (5, "docx"), (5, "xlsx"), (1, "pptx")))
            name = f"{dice.one(_DOCUMENTS)}-{dice.between(100, 999)}.{kind}"
            path = (
                f"{desk.home}AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\"
                f"{dice.letters(8).upper()}\\{name}"
            )
            self.windows.file(time, desk.outlook, path)
            program = {
                "pdf": CHROME,
                "docx": OFFICE_ROOT + "WINWORD.EXE",
                "xlsx": OFFICE_ROOT + "EXCEL.EXE",
                "pptx": OFFICE_ROOT + "POWERPNT.EXE",
            }[kind]
            option = "--single-argument " if kind == "pdf" else '/n "'
            opened = self.windows.start(
                time + dice.between(1, 9) * SECOND,
                desk.outlook,
                program,
                f'"{program}" {option}{path}' + ("" if kind == "pdf" else '" /o ""'),
                directory=desk.home,
            )
            self.windows.stop(time + dice.between(3, 25) * MINUTE, opened)

    def _document(self, desk: Desk, time: int) -> None:
        """Office files from shares, some with macros: opened by hand, so the parent is the shell."""
        w, dice = self.windows, self.dice
        name, program = dice.weighted(
            (
                (8, ("docx", "WINWORD.EXE")),
                (8, ("xlsx", "EXCEL.EXE")),
                (3, ("xlsm", "EXCEL.EXE")),
                (2, ("dotm", "WINWORD.EXE")),
                (1, ("docm", "WINWORD.EXE")),
            )
        )
        folder = "\\\\FS-01\\Templates" if name in ("dotm", "docm") else "\\\\FS-01\\Share"
        path = f"{folder}\\{dice.one(_DOCUMENTS)}-{dice.between(10, 60)}.{name}"
        opened = w.start(
            time,
            desk.explorer,
            OFFICE_ROOT + program,
            f'"{OFFICE_ROOT}{program}" /n "{path}" /o ""',
            directory=desk.home,
        )
        self._smb(desk, time + 200 * MILLI, FS1, "Share")
        if dice.chance(0.4):
            w.start(
                time + dice.between(20, 200) * SECOND,
                opened,
                "C:\\Windows\\splwow64.exe",
                "C:\\Windows\\splwow64.exe 12288",
            )
        if dice.chance(0.3):
            w.load(
                time + 900 * MILLI,
                opened,
                "C:\\Program Files\\Common Files\\Microsoft Shared\\VBA\\VBA7.1\\VBE7.DLL",
                "Microsoft Corporation",
            )
        w.file(
            time + dice.between(1, 9) * MINUTE,
            opened,
            f"{desk.home}AppData\\Local\\Temp\\~${dice.one(_DOCUMENTS)}-{dice.between(10, 60)}.{name}",
        )
        w.stop(time + dice.between(10, 40) * MINUTE, opened)

    def _smb(self, desk: Desk, time: int, server: Host, share: str) -> None:
        dice = self.dice
        self.network.connection(
            time,
            desk.host.ip,
            server.ip,
            445,
            dice.between(2_000, 900_000),
            dice.between(4_000, 9_000_000),
            dice.between(1, 300) * SECOND,
            "gssapi,smb",
        )
        if dice.chance(0.5):
            self.windows.ticket(
                time - 20 * MILLI, desk.person.name, desk.person.sid, desk.host.ip, f"{server.name}$"
            )
            session = logon(desk.person, server)
            self.windows.logon(time + 10 * MILLI, server, session, 3, desk.host.ip)
            self.windows.share(time + 30 * MILLI, server, session, share, f"\\??\\D:\\{share}", desk.host.ip)

    def _file_server(self, desk: Desk, time: int) -> None:
        self._smb(desk, time, *self.dice.one(((FS1, "Share"), (FS2, "Transfer"), (DC, "SYSVOL"))))

    def _small_program(self, desk: Desk, time: int) -> None:
        image, command, parent = self.dice.one(
            (
                (
                    SYSTEM32 + "notepad.exe",
                    '"C:\\Windows\\system32\\NOTEPAD.EXE" {home}Documents\\notes.txt',
                    desk.explorer,
                ),
                (SYSTEM32 + "calc.exe", '"C:\\Windows\\system32\\calc.exe"', desk.explorer),
                (
                    SYSTEM32 + "rundll32.exe",
                    "rundll32.exe shell32.dll,Control_RunDLL main.cpl",
                    desk.explorer,
                ),
                (
                    SYSTEM32 + "rundll32.exe",
                    "rundll32.exe printui.dll,PrintUIEntry /o /n \\\\FS-02\\PRN-2",
                    desk.explorer,
                ),
                (SYSTEM32 + "taskmgr.exe", '"C:\\Windows\\system32\\taskmgr.exe" /4', desk.explorer),
                (
                    SYSTEM32 + "SearchProtocolHost.exe",
                    "SearchProtocolHost.exe Global\\UsGthrFltPipeMssGthrPipe1_",
                    desk.svchost,
                ),
                (
                    SYSTEM32 + "RuntimeBroker.exe",
                    "C:\\Windows\\System32\\RuntimeBroker.exe -Embedding",
                    desk.svchost,
                ),
                (SYSTEM32 + "fodhelper.exe", '"C:\\Windows\\system32\\fodhelper.exe"', desk.explorer),
                (CMD, '"C:\\Windows\\system32\\cmd.exe"', desk.explorer),
                (CHROME, f'"{CHROME}" --type=renderer --lang=en', desk.chrome),
                (CHROME, f'"{CHROME}" --type=utility --utility-sub-type=network', desk.chrome),
            )
        )
        started = self.windows.start(
            time, parent, image, command.replace("{home}", desk.home), desk.session, directory=desk.home
        )
        if image.endswith("taskmgr.exe"):
            self.windows.access(
                time + SECOND, started, lsass(self.dice, desk.host, self.day), "0x1000", trace("taskmgr.exe")
            )
        self.windows.stop(time + self.dice.between(1, 400) * SECOND, started)

    def _archive(self, desk: Desk, time: int) -> None:
        """People pack files; payroll goes to the bank with a password, every month."""
        tool = "C:\\Program Files\\7-Zip\\7z.exe"
        name = self.dice.one(_DOCUMENTS)
        command = f'"{tool}" a -tzip "{desk.home}Documents\\{name}.zip" "{desk.home}Documents\\{name}"'
        if desk.person.name == "h.braun" and self.dice.chance(0.4):
            command = (
                f'"{tool}" a -tzip -pMarch2026 -mem=AES256 "{desk.home}Documents\\payroll.zip" '
                '"S:\\HR\\payroll"'
            )
        packed = self.windows.start(time, desk.explorer, tool, command, directory=desk.home)
        self.windows.file(time + 3 * SECOND, packed, f"{desk.home}Documents\\{name}.zip")
        self.windows.stop(time + 9 * SECOND, packed)
