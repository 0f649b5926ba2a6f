"""What the workstations of the invoice scenario do by themselves: updates, settings, a look into other
processes."""

from __future__ import annotations

from sample_data.benign_desks import CHROME, OFFICE_ROOT, Desk, Desks
from sample_data.domain import SITES, SYSTEM, SYSTEM32, lsass, process, trace
from sample_data.world import MINUTE, SECOND


class Machines:
    """One for each desk."""

    def __init__(self, desks: Desks) -> None:
        self.day, self.windows, self.network, self.dice = desks.day, desks.windows, desks.network, desks.dice
        self.desks = desks.desks

    def run(self) -> None:
        for desk in self.desks.values():
            for _ in range(10):
                self._own_registry(desk, desk.came + 5 * MINUTE + self.dice.upto(desk.left - desk.came))
            for time in self.day.every(47 * MINUTE, 9 * MINUTE, self.dice):
                self._machine(desk, time)

    def _own_registry(self, desk: Desk, time: int) -> None:
        key = f"HKU\\{desk.person.sid}\\SOFTWARE\\"
        run = key + "Microsoft\\Windows\\CurrentVersion\\Run\\"
        local = f"{desk.home}AppData\\Local\\"
        image, name, value = self.dice.weighted(
            (
                (
                    2,
                    (
                        local + "Microsoft\\OneDrive\\OneDriveSetup.exe",
                        run + "OneDrive",
                        f'"{local}Microsoft\\OneDrive\\OneDrive.exe" /background',
                    ),
                ),
                (
                    2,
                    (
                        local + "Microsoft\\Teams\\Update.exe",
                        run + "com.squirrel.Teams.Teams",
                        f'{local}Microsoft\\Teams\\Update.exe --processStart "Teams.exe" '
                        '--process-start-args "--system-initiated"',
                    ),
                ),
                (
                    9,
                    (
                        "C:\\Windows\\explorer.exe",
                        key + "Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs\\MRUListEx",
                        "Binary Data",
                    ),
                ),
                (
                    5,
                    (
                        OFFICE_ROOT + "EXCEL.EXE",
                        key + "Microsoft\\Office\\16.0\\Excel\\File MRU\\Item 1",
                        "[F00000000]*S:\\",
                    ),
                ),
                (
                    3,
                    (
                        CHROME,
                        f"HKU\\{desk.person.sid}_Classes\\ChromeHTML\\shell\\open\\command\\(Default)",
                        f'"{CHROME}" --single-argument %1',
                    ),
                ),
                (
                    2,
                    (
                        SYSTEM32 + "svchost.exe",
                        "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Signature Updates\\LastUpdate",
                        "Binary Data",
                    ),
                ),
            )
        )
        actor = process(self.dice, desk.host, image, desk.session, time - MINUTE)
        self.windows.registry(time, actor, name, value)

    def _machine(self, desk: Desk, time: int) -> None:
        """What Windows does by itself: updates, tasks, its scanner looking into other processes."""
        w, n, dice = self.windows, self.network, self.dice
        image, command = dice.one(
            (
                (SYSTEM32 + "wuauclt.exe", "wuauclt.exe /RunHandlerComServer"),
                (SYSTEM32 + "sppsvc.exe", "C:\\Windows\\system32\\sppsvc.exe"),
                (
                    SYSTEM32 + "wbem\\WmiPrvSE.exe",
                    "C:\\Windows\\system32\\wbem\\wmiprvse.exe -secured -Embedding",
                ),
                (SYSTEM32 + "taskhostw.exe", "taskhostw.exe /RuntimeWide"),
                (SYSTEM32 + "usoclient.exe", "C:\\Windows\\system32\\usoclient.exe StartScan"),
                (
                    "C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe",
                    '"C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe" /ua /installsource '
                    "scheduler",
                ),
            )
        )
        started = w.start(time, desk.svchost, image, command, SYSTEM)
        w.stop(time + dice.between(5, 300) * SECOND, started)
        n.lookup(time + SECOND, desk.host.ip, "updates.vendor.example", SITES["updates.vendor.example"])
        n.web(
            time + 2 * SECOND,
            desk.host.ip,
            ("updates.vendor.example", SITES["updates.vendor.example"]),
            "GET",
            f"/c/msdownload/update/{dice.hexes(8)}.cab",
            "Microsoft-Delivery-Optimization/10.0",
            received=dice.between(2_000, 900_000),
            mime="application/vnd.ms-cab-compressed",
        )
        opener, access = dice.one(
            (
                (
                    "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24010.12-0\\MsMpEng.exe",
                    "0x1010",
                ),
                (
                    "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24010.12-0\\MsMpEng.exe",
                    "0x1410",
                ),
                (SYSTEM32 + "svchost.exe", "0x1000"),
                (SYSTEM32 + "csrss.exe", "0x1fffff"),
                (SYSTEM32 + "wininit.exe", "0x1fffff"),
                ("C:\\Program Files\\Deskward\\Agent\\deskward-agent.exe", "0x1410"),
            )
        )
        actor = process(dice, desk.host, opener, SYSTEM, self.day.start)
        w.access(
            time + 5 * SECOND,
            actor,
            lsass(dice, desk.host, self.day),
            access,
            trace(opener.rsplit("\\", 1)[-1]),
        )
