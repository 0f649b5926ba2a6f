"""People of the invoice scenario whose work looks like an attack: a developer, two administrators, a
patient reader.

The developer fetches tools by PowerShell and curl, and once installs a package manager the way its page
says; the administrators use the same commands an intruder would; a news page asks for news every two
minutes.
"""

from __future__ import annotations

from sample_data.benign_desks import BROWSER_AGENT, PS_AGENT, Desks
from sample_data.domain import (
    CMD,
    DEVELOPER,
    MGMT,
    OKAFOR,
    PEOPLE,
    POWERSHELL,
    REPO,
    REYES,
    SEAT,
    SITES,
    SYSTEM32,
    Person,
    Session,
    logon,
    process,
)
from sample_data.world import MILLI, MINUTE, OFFICE, SECOND


class Staff:
    """They sit at the desks of the others."""

    def __init__(self, desks: Desks) -> None:
        self.day, self.windows, self.network, self.dice = desks.day, desks.windows, desks.network, desks.dice
        self.desks = desks.desks

    def run(self) -> None:
        self._developer()
        for admin in (REYES, OKAFOR):
            self._admin(admin)
        self._news_page()

    def _developer(self) -> None:
        """Fetches tools by PowerShell and curl, and once installs a package manager the way its page says."""
        w, n, dice = self.windows, self.network, self.dice
        desk = self.desks[DEVELOPER]
        shell = w.start(desk.came + 20 * MINUTE, desk.explorer, POWERSHELL, f'"{POWERSHELL}" ', desk.session)
        site = ("packages.devtools.example", SITES["packages.devtools.example"])
        for index, time in enumerate(dice.moments(self.day, 26, OFFICE)):
            tool, command = dice.one(
                (
                    (
                        "C:\\Windows\\System32\\curl.exe",
                        "curl.exe -sSLO https://packages.devtools.example/cli/tool-{n}.zip",
                    ),
                    ("C:\\Program Files\\Git\\cmd\\git.exe", "git.exe fetch --all --prune"),
                    ("C:\\Python311\\python.exe", "python.exe -m pip install -r requirements.txt"),
                    ("C:\\Windows\\System32\\certutil.exe", "certutil.exe -hashfile tool-{n}.zip SHA256"),
                    ("C:\\Windows\\System32\\tar.exe", "tar.exe -xf tool-{n}.zip -C C:\\dev"),
                )
            )
            one = w.start(
                time, shell, tool, command.replace("{n}", str(dice.between(10, 99))), directory="C:\\dev\\"
            )
            n.lookup(time + 90 * MILLI, desk.host.ip, *site)
            n.connection(
                time + 120 * MILLI,
                desk.host.ip,
                site[1],
                443,
                2_000,
                dice.between(20_000, 40_000_000),
                dice.between(1, 30) * SECOND,
                "ssl",
                source_port=w.connect(time + 120 * MILLI, one, site[1], 443, site[0]),
            )
            if index % 4 == 0:
                name = f"sdk-{dice.between(1, 9)}.zip"
                w.script(
                    time + 30 * SECOND,
                    shell,
                    f"Invoke-WebRequest -Uri http://{REPO[0]}/tools/{name} -OutFile C:\\dev\\{name}",
                )
                n.web(
                    time + 31 * SECOND,
                    desk.host.ip,
                    REPO,
                    "GET",
                    f"/tools/{name}",
                    PS_AGENT,
                    received=4_000_000,
                    mime="application/zip",
                )
        w.script(
            self.day.at("14:22:41"),
            shell,
            "[Net.ServicePointManager]::SecurityProtocol = 3072; iex ((New-Object "
            "System.Net.WebClient).DownloadString('https://packages.devtools.example/install.ps1'))",
        )

    def _admin(self, admin: Person) -> None:
        """Help desk at a prompt: the same commands an intruder would use, but scattered and from cmd.exe."""
        w, dice = self.windows, self.dice
        desk = process(
            dice, MGMT, "C:\\Windows\\explorer.exe", logon(admin, MGMT, "2", "High"), self.day.at("07:30")
        )
        w.logon(
            self.day.at("07:31") + dice.upto(20 * MINUTE),
            MGMT,
            desk.session,
            10,
            "10.20.1.250",
            "Negotiate",
            "MGMT-01",
            elevated=True,
        )
        prompt = w.start(
            self.day.at("07:55") + dice.upto(9 * MINUTE), desk, CMD, '"C:\\Windows\\system32\\cmd.exe"'
        )
        shell = w.start(
            self.day.at("08:10") + dice.upto(9 * MINUTE), desk, POWERSHELL, f'"{POWERSHELL}" -NoExit'
        )
        for time in dice.moments(self.day, 45, OFFICE):
            person = dice.one(PEOPLE)
            if dice.chance(0.5):
                name, command = dice.one(
                    (
                        ("whoami.exe", "whoami"),
                        ("net.exe", f"net user {person.name} /domain"),
                        ("nltest.exe", "nltest /dsgetdc:alderbrook.example"),
                        ("ipconfig.exe", "ipconfig /flushdns"),
                        ("ping.exe", f"ping -n 2 {SEAT[person].name}"),
                        ("gpupdate.exe", "gpupdate /force"),
                        ("wevtutil.exe", "wevtutil qe System /c:20 /rd:true /f:text"),
                        ("query.exe", "query user /server:FS-01"),
                        ("wevtutil.exe", f"wevtutil epl Application C:\\Temp\\app-{person.rid}.evtx"),
                        ("schtasks.exe", "schtasks /query /s FS-02 /tn Deskward\\Inventory"),
                    )
                )
                one = w.start(time, prompt, SYSTEM32 + name, command)
                w.stop(time + dice.between(1, 20) * SECOND, one)
            else:
                w.script(
                    time,
                    shell,
                    dice.one(
                        (
                            f"Get-ADUser {person.name} -Properties LockedOut, PasswordLastSet",
                            f"Unlock-ADAccount -Identity {person.name}",
                            f"Invoke-Command -ComputerName {SEAT[person].name} -ScriptBlock "
                            f"{{ Get-Service Spooler | Restart-Service }}",
                            f"Enter-PSSession -ComputerName {SEAT[person].name}",
                            "Get-MpComputerStatus | Select-Object AMServiceEnabled",
                            f"Get-WinEvent -ComputerName {SEAT[person].name} -LogName System -MaxEvents 50",
                            "Get-ADGroupMember 'Domain Admins' | Select-Object Name",
                            f"(New-Object Net.WebClient).DownloadFile('http://{REPO[0]}/drivers/prn.zip', "
                            "'C:\\Temp\\prn.zip')",
                            f"Get-ScheduledTask -CimSession {SEAT[person].name} -TaskPath \\Deskward\\",
                        )
                    ),
                )
        if admin is OKAFOR:
            time = self.day.at("13:42:10")
            w.start(
                time, prompt, SYSTEM32 + "runas.exe", "runas /netonly /user:ALDERBROOK\\adm.okafor mmc.exe"
            )
            w.logon(
                time + 4 * SECOND,
                MGMT,
                Session(admin.account, admin.sid, "0x9f31c2", "2", "High"),
                9,
                "::1",
                "Negotiate",
                outbound=admin.name,
            )

    def _news_page(self) -> None:
        """A page left open in a browser asks for news every two minutes: regular, but no beacon."""
        target = ("www.news-daily.example", SITES["www.news-daily.example"])
        for person in (PEOPLE[0], PEOPLE[6]):
            desk = self.desks[person]
            for time in self.day.every(2 * MINUTE, 3 * SECOND, self.dice):
                if desk.came + 20 * MINUTE < time < desk.left:
                    self.network.web(
                        time,
                        desk.host.ip,
                        target,
                        "GET",
                        "/api/ticker?since=now",
                        BROWSER_AGENT,
                        received=self.dice.between(700, 4_000),
                        mime="application/json",
                        referrer=f"http://{target[0]}/",
                    )
