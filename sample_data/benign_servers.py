"""What the servers and services of the invoice scenario do: domain, management.

The management software runs encoded PowerShell, makes scheduled tasks and services, looks into administrative
shares and asks by WMI. All of it is as it should be.
"""

from __future__ import annotations

import base64

from sample_data.domain import (
    AGENT,
    CMD,
    DC,
    DEPLOY,
    FS2,
    HOSTS,
    MGMT,
    NETWORK_SERVICE,
    OKAFOR,
    PEOPLE,
    POWERSHELL,
    REPO,
    SEAT,
    SERVERS,
    SITES,
    SYSTEM,
    SYSTEM32,
    WORKSTATIONS,
    Host,
    Session,
    logon,
    process,
)
from sample_data.network import Network
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice


def encoded(script: str) -> str:
    """A script as PowerShell's -EncodedCommand takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


class Servers:
    """Everything that runs without a person in front of it."""

    def __init__(self, day: Day, windows: Windows, network: Network, dice: Dice) -> None:
        self.day, self.windows, self.network, self.dice = day, windows, network, dice
        self.agents = {host: process(dice, host, AGENT, SYSTEM, day.start) for host in HOSTS}
        self.services = {
            host: process(dice, host, SYSTEM32 + "services.exe", SYSTEM, day.start) for host in HOSTS
        }

    def run(self) -> None:
        for host in HOSTS:
            self._agent(host)
            self._machine_account(host)
        self._deployments()
        self._inventory_over_shares()
        self._wmi_monitoring()

    def _agent(self, host: Host) -> None:
        """The management agent: reports every five minutes, runs encoded commands every hour or two."""
        w, n, dice = self.windows, self.network, self.dice
        agent = self.agents[host]
        for time in self.day.every(5 * MINUTE, 8 * SECOND, dice):
            if host is not MGMT and dice.chance(0.4):
                n.web(
                    time,
                    host.ip,
                    ("mgmt-01.alderbrook.example", MGMT.ip),
                    dice.one(("GET", "POST")),
                    "/agent/v3/checkin",
                    "deskward-agent/7.4.2",
                    sent=dice.between(150, 900),
                    received=dice.between(40, 400),
                    mime="application/json",
                    port=8080,
                )
        for time in self.day.every(30 * MINUTE, 4 * MINUTE, dice):
            if dice.chance(0.25):
                n.web(
                    time,
                    host.ip,
                    ("telemetry.vendor.example", SITES["telemetry.vendor.example"]),
                    "POST",
                    "/v2/telemetry",
                    "Deskward-Telemetry/2",
                    status=204,
                    sent=dice.between(800, 9_000),
                    received=0,
                )
        for time in self.day.every(110 * MINUTE, 20 * MINUTE, dice):
            script = dice.one(
                (
                    "Get-CimInstance Win32_OperatingSystem | ConvertTo-Json",
                    "Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 5 | ConvertTo-Json",
                    "Set-MpPreference -SignatureUpdateInterval 8; Update-MpSignature",
                    "Get-MpPreference | Select-Object ExclusionPath, DisableRealtimeMonitoring | "
                    "ConvertTo-Json",
                    f"Invoke-RestMethod http://{REPO[0]}/policy/{host.name}.json | Out-File "
                    "C:\\ProgramData\\Deskward\\policy.json",
                    f"Invoke-WebRequest http://{REPO[0]}/pkg/update.msi -OutFile "
                    "C:\\ProgramData\\Deskward\\update.msi -UseBasicParsing",
                )
            )
            shell = w.start(
                time,
                agent,
                POWERSHELL,
                f'"{POWERSHELL}" -NoProfile -NonInteractive -ExecutionPolicy Bypass '
                f"-EncodedCommand {encoded(script)}",
            )
            w.script(time + 700 * MILLI, shell, script)
            if REPO[0] in script:
                w.resolve(time + 800 * MILLI, shell, *REPO)
                port = w.connect(time + 820 * MILLI, shell, REPO[1], 80, REPO[0])
                n.web(
                    time + 820 * MILLI,
                    host.ip,
                    REPO,
                    "GET",
                    "/pkg/update.msi" if "update.msi" in script else f"/policy/{host.name}.json",
                    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4291",
                    received=dice.between(900, 3_000_000),
                    mime="application/octet-stream",
                    source_port=port,
                )
            if dice.chance(0.3):
                w.start(time + 4 * SECOND, agent, SYSTEM32 + "systeminfo.exe", "systeminfo.exe /fo csv")
            w.stop(time + dice.between(3, 40) * SECOND, shell)

    def _machine_account(self, host: Host) -> None:
        """Each machine fetches policies and renews tickets: logons of accounts that end in a dollar sign."""
        w, n, dice = self.windows, self.network, self.dice
        account = Session(
            f"ALDERBROOK\\{host.name}$", "S-1-5-18", hex(0x400000 + dice.upto(0x3FFFFF)), "0", "System"
        )
        for time in self.day.every(75 * MINUTE, 15 * MINUTE, dice):
            w.ticket(time, f"{host.name}$", "S-1-5-18", host.ip, dice.one(("DC-01$", "LDAP/DC-01", "krbtgt")))
            w.logon(time + 20 * MILLI, DC, account, 3, host.ip)
            w.share(time + 60 * MILLI, DC, account, "SYSVOL", "\\??\\C:\\Windows\\SYSVOL\\sysvol", host.ip)
            w.logoff(time + 12 * SECOND, DC, account, 3)
            n.lookup(
                time - 30 * MILLI,
                host.ip,
                "_ldap._tcp.dc._msdcs.alderbrook.example",
                "dc-01.alderbrook.example",
                "SRV",
            )
            n.connection(
                time,
                host.ip,
                DC.ip,
                dice.one((88, 389, 445, 135)),
                dice.between(1_000, 9_000),
                dice.between(1_000, 30_000),
                dice.between(50, 900) * MILLI,
                "",
            )
            w.logon(time + 30 * SECOND, host, SYSTEM, 5)
        for _ in range(12):
            time = self.day.start + dice.upto(self.day.end - self.day.start)
            actor = process(dice, host, SYSTEM32 + "svchost.exe", NETWORK_SERVICE, self.day.start)
            w.registry(
                time,
                actor,
                "HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
                + dice.one(
                    (
                        "Tcpip\\Parameters\\Interfaces\\DhcpIPAddress",
                        "W32Time\\SecureTimeLimits\\RunTime",
                        "bam\\State\\UserSettings",
                        "SharedAccess\\Epoch\\Epoch",
                    )
                ),
                f"DWORD (0x{dice.upto(65536):08x})",
            )
            w.file(time + SECOND, actor, f"C:\\Windows\\SoftwareDistribution\\Download\\{dice.hexes(8)}.cab")

    def _deployments(self) -> None:
        """The agent makes tasks and services: the look of persistence, by the right program."""
        w, dice = self.windows, self.dice
        for host in dice.some(HOSTS, 14):
            time = self.day.at("02:10") + dice.upto(80 * MINUTE)
            agent, name = self.agents[host], dice.one(("Inventory", "PatchScan", "HealthCheck"))
            program = f"C:\\Program Files\\Deskward\\{name.lower()}.exe"
            w.start(
                time,
                agent,
                SYSTEM32 + "schtasks.exe",
                f'schtasks.exe /create /tn "Deskward\\{name}" /tr '
                f'"\\"{program}\\" --quiet" /sc daily /st 04:30 /ru SYSTEM /f',
            )
            w.by(
                time + SECOND,
                4698,
                agent,
                {"TaskName": f"\\Deskward\\{name}", "TaskContent": task(program, "--quiet")},
            )
            w.by(
                time + 60 * SECOND,
                4697,
                agent,
                {
                    "ServiceName": "DeskwardUpdater",
                    "ServiceFileName": '"C:\\Program Files\\Deskward\\Agent\\updater.exe" /svc',
                    "ServiceType": "0x10",
                    "ServiceStartType": "3",
                    "ServiceAccount": "LocalSystem",
                },
            )
            installer = w.start(
                time + 90 * SECOND,
                agent,
                SYSTEM32 + "msiexec.exe",
                "msiexec.exe /i C:\\ProgramData\\Deskward\\update.msi /qn",
            )
            w.registry(
                time + 99 * SECOND,
                installer,
                "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\DeskwardTray",
                '"C:\\Program Files\\Deskward\\tray.exe" /min',
            )
        for host in dice.some(WORKSTATIONS, 5):
            time = self.day.at("11:00") + dice.upto(200 * MINUTE)
            w.by(
                time,
                4697,
                self.services[host],
                {
                    "ServiceName": "prndrv64",
                    "ServiceFileName": "\\SystemRoot\\System32\\drivers\\prndrv64.sys",
                    "ServiceType": "0x1",
                    "ServiceStartType": "3",
                    "ServiceAccount": "",
                },
            )
        time, tool = self.day.at("09:12:30"), logon(OKAFOR, FS2, "0", "High")
        w.logon(time, FS2, tool, 3, MGMT.ip, "Kerberos", elevated=True)
        w.by(
            time + SECOND,
            4697,
            (FS2, tool),
            {
                "ServiceName": "PSEXESVC",
                "ServiceFileName": "%SystemRoot%\\PSEXESVC.exe",
                "ServiceType": "0x10",
                "ServiceStartType": "3",
                "ServiceAccount": "LocalSystem",
            },
        )
        service = w.start(
            time + 2 * SECOND, self.services[FS2], "C:\\Windows\\PSEXESVC.exe", "C:\\Windows\\PSEXESVC.exe"
        )
        w.start(time + 3 * SECOND, service, CMD, '"cmd" /c "net stop Spooler & net start Spooler"')

    def _inventory_over_shares(self) -> None:
        """MGMT-01 looks into the administrative share of three machines every quarter of an hour."""
        w, n, dice = self.windows, self.network, self.dice
        targets = [host for host in HOSTS if host is not MGMT]
        for turn, time in enumerate(self.day.every(15 * MINUTE, 40 * SECOND, dice)):
            for index in range(3):
                host = targets[(3 * turn + index) % len(targets)]
                moment = time + index * 20 * SECOND
                session = logon(DEPLOY, host, "0", "High")
                n.connection(
                    moment,
                    MGMT.ip,
                    host.ip,
                    445,
                    dice.between(3_000, 60_000),
                    dice.between(3_000, 90_000),
                    dice.between(1, 20) * SECOND,
                    "gssapi,smb",
                )
                w.logon(moment + 30 * MILLI, host, session, 3, MGMT.ip, elevated=dice.chance(0.5))
                w.share(moment + 50 * MILLI, host, session, "ADMIN$", "\\??\\C:\\Windows", MGMT.ip)

    def _wmi_monitoring(self) -> None:
        """Monitoring starts its inventory through WMI: WmiPrvSE.exe as the parent of PowerShell."""
        w, dice = self.windows, self.dice
        for host in SERVERS:
            provider = process(dice, host, SYSTEM32 + "wbem\\WmiPrvSE.exe", NETWORK_SERVICE, self.day.start)
            for time in self.day.every(4 * 60 * MINUTE, 20 * MINUTE, dice):
                shell = w.start(
                    time,
                    provider,
                    POWERSHELL,
                    f'{POWERSHELL} -NoProfile -File "C:\\Program Files\\Deskward\\inventory.ps1"',
                    logon(DEPLOY, host, "0", "High"),
                )
                w.script(
                    time + SECOND,
                    shell,
                    "param($Out)\nGet-CimInstance Win32_Product | Export-Csv $Out",
                    "C:\\Program Files\\Deskward\\inventory.ps1",
                )
                w.stop(time + 30 * SECOND, shell)
            for person in dice.some(PEOPLE, 3):  # old programs still use NTLM
                time = self.day.at("08:30") + dice.upto(400 * MINUTE)
                desk = SEAT[person]
                w.logon(time, host, logon(person, host), 3, desk.ip, "NTLM", desk.name, key=128)
                w.validated(time - 9 * MILLI, person.name, desk.name)
                self.network.connection(
                    time - 30 * MILLI,
                    desk.ip,
                    host.ip,
                    445,
                    dice.between(3_000, 90_000),
                    dice.between(3_000, 900_000),
                    dice.between(1, 90) * SECOND,
                    "gssapi,ntlm,smb",
                )


def task(
    program: str, arguments: str, trigger: str = "<CalendarTrigger><ScheduleByDay/></CalendarTrigger>"
) -> str:
    """The XML that Windows keeps of a scheduled task."""
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2" '
        'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n'
        f'  <Triggers>{trigger}</Triggers>\r\n  <Actions Context="Author">\r\n    <Exec>\r\n'
        f"      <Command>{program}</Command>\r\n      <Arguments>{arguments}</Arguments>\r\n"
        "    </Exec>\r\n  </Actions>\r\n</Task>"
    )
