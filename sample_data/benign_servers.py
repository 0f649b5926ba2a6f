"""What the servers and services of the invoice scenario do: the domain, the management software, backups, scans.

The management software runs encoded PowerShell and makes scheduled tasks; the backup packs and sends gigabytes; the
scanner knocks everywhere; a forgotten service account fails to log on all day. All of it is as it should be (or, as
the service account, is at least no attack).
"""

from __future__ import annotations

import base64

from sample_data.domain import (
    AGENT,
    BACKUP,
    CMD,
    DC,
    DEPLOY,
    FS1,
    FS2,
    HOSTS,
    MAIL,
    MGMT,
    NETWORK_SERVICE,
    OKAFOR,
    PEOPLE,
    POWERSHELL,
    PRINT,
    REPO,
    SCAN,
    SEAT,
    SERVERS,
    SITES,
    SYNC,
    SYSTEM,
    SYSTEM32,
    VAULT,
    WORKSTATIONS,
    Host,
    Session,
    logon,
    process,
)  # fmt: skip
from sample_data.network import Network
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, OFFICE, SECOND, Day, Dice, digest

_REPLICATION = (
    "%%7688\r\n\t\t{1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}\r\n"
)
_REPLICATION_ALL = (
    "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}\r\n"
)


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
        self._backups()
        self._directory_sync()
        self._forgotten_account()
        self._scanner()
        self._mail_gateway()
        self._wmi_monitoring()

    def _agent(self, host: Host) -> None:
        """The management agent: reports every five minutes, runs encoded commands every hour or two."""
        w, n, dice = self.windows, self.network, self.dice
        agent = self.agents[host]
        for time in self.day.every(5 * MINUTE, 8 * SECOND, dice):
            if host is not MGMT and dice.chance(0.4):
                n.web(time, host.ip, ("mgmt-01.alderbrook.example", MGMT.ip), dice.one(("GET", "POST")), "/agent/v3/checkin",
                      "deskward-agent/7.4.2", sent=dice.between(150, 900), received=dice.between(40, 400),
                      mime="application/json", port=8080)  # fmt: skip
        for time in self.day.every(30 * MINUTE, 4 * MINUTE, dice):
            if dice.chance(0.25):
                n.web(time, host.ip, ("telemetry.vendor.example", SITES["telemetry.vendor.example"]), "POST",
                      "/v2/telemetry", "Deskward-Telemetry/2", status=204, sent=dice.between(800, 9_000), received=0)  # fmt: skip
        for time in self.day.every(110 * MINUTE, 20 * MINUTE, dice):
            script = dice.one((
                "Get-CimInstance Win32_OperatingSystem | ConvertTo-Json",
                "Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 5 | ConvertTo-Json",
                "Set-MpPreference -SignatureUpdateInterval 8; Update-MpSignature",
                "Get-MpPreference | Select-Object ExclusionPath, DisableRealtimeMonitoring | ConvertTo-Json",
                f"Invoke-RestMethod http://{REPO[0]}/policy/{host.name}.json | Out-File C:\\ProgramData\\Deskward\\policy.json",
                f"Invoke-WebRequest http://{REPO[0]}/pkg/update.msi -OutFile C:\\ProgramData\\Deskward\\update.msi -UseBasicParsing",
            ))  # fmt: skip
            shell = w.start(time, agent, POWERSHELL, f'"{POWERSHELL}" -NoProfile -NonInteractive -ExecutionPolicy Bypass '
                            f"-EncodedCommand {encoded(script)}")  # fmt: skip
            w.script(time + 700 * MILLI, shell, script)
            if REPO[0] in script:
                w.resolve(time + 800 * MILLI, shell, *REPO)
                port = w.connect(time + 820 * MILLI, shell, REPO[1], 80, REPO[0])
                n.web(time + 820 * MILLI, host.ip, REPO, "GET", "/pkg/update.msi" if "update.msi" in script else
                      f"/policy/{host.name}.json", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4291",
                      received=dice.between(900, 3_000_000), mime="application/octet-stream", source_port=port)  # fmt: skip
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
            n.connection(time, host.ip, DC.ip, dice.one((88, 389, 445, 135)), dice.between(1_000, 9_000),
                         dice.between(1_000, 30_000), dice.between(50, 900) * MILLI, "")  # fmt: skip
            w.logon(time + 30 * SECOND, host, SYSTEM, 5)
        for _ in range(12):
            time = self.day.start + dice.upto(self.day.end - self.day.start)
            actor = process(dice, host, SYSTEM32 + "svchost.exe", NETWORK_SERVICE, self.day.start)
            w.registry(time, actor, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\" + dice.one((
                "Tcpip\\Parameters\\Interfaces\\DhcpIPAddress", "W32Time\\SecureTimeLimits\\RunTime", "bam\\State\\UserSettings",
                "SharedAccess\\Epoch\\Epoch")), "DWORD (0x%08x)" % dice.upto(65536))  # fmt: skip
            w.file(time + SECOND, actor, f"C:\\Windows\\SoftwareDistribution\\Download\\{dice.hexes(8)}.cab")

    def _deployments(self) -> None:
        """The agent makes tasks and services on the machines: the look of persistence, by the right program."""
        w, dice = self.windows, self.dice
        for host in dice.some(HOSTS, 14):
            time = self.day.at("02:10") + dice.upto(80 * MINUTE)
            agent, name = self.agents[host], dice.one(("Inventory", "PatchScan", "HealthCheck"))
            program = f"C:\\Program Files\\Deskward\\{name.lower()}.exe"
            w.start(time, agent, SYSTEM32 + "schtasks.exe", f'schtasks.exe /create /tn "Deskward\\{name}" /tr '
                    f'"\\"{program}\\" --quiet" /sc daily /st 04:30 /ru SYSTEM /f')  # fmt: skip
            w.by(
                time + SECOND,
                4698,
                agent,
                {"TaskName": f"\\Deskward\\{name}", "TaskContent": task(program, "--quiet")},
            )
            w.by(time + 60 * SECOND, 4697, agent, {
                "ServiceName": "DeskwardUpdater", "ServiceFileName": '"C:\\Program Files\\Deskward\\Agent\\updater.exe" /svc',
                "ServiceType": "0x10", "ServiceStartType": "3", "ServiceAccount": "LocalSystem",
            })  # fmt: skip
            installer = w.start(time + 90 * SECOND, agent, SYSTEM32 + "msiexec.exe",
                                "msiexec.exe /i C:\\ProgramData\\Deskward\\update.msi /qn")  # fmt: skip
            w.registry(time + 99 * SECOND, installer, "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\DeskwardTray",
                       '"C:\\Program Files\\Deskward\\tray.exe" /min')  # fmt: skip
        for host in dice.some(WORKSTATIONS, 5):
            time = self.day.at("11:00") + dice.upto(200 * MINUTE)
            w.by(time, 4697, self.services[host], {
                "ServiceName": "prndrv64", "ServiceFileName": "\\SystemRoot\\System32\\drivers\\prndrv64.sys",
                "ServiceType": "0x1", "ServiceStartType": "3", "ServiceAccount": "",
            })  # fmt: skip
        time, tool = self.day.at("09:12:30"), logon(OKAFOR, FS2, "0", "High")
        w.logon(time, FS2, tool, 3, MGMT.ip, "Kerberos", elevated=True)
        w.by(time + SECOND, 4697, (FS2, tool), {
            "ServiceName": "PSEXESVC", "ServiceFileName": "%SystemRoot%\\PSEXESVC.exe", "ServiceType": "0x10",
            "ServiceStartType": "3", "ServiceAccount": "LocalSystem",
        })  # fmt: skip
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
                n.connection(moment, MGMT.ip, host.ip, 445, dice.between(3_000, 60_000), dice.between(3_000, 90_000),
                             dice.between(1, 20) * SECOND, "gssapi,smb")  # fmt: skip
                w.logon(moment + 30 * MILLI, host, session, 3, MGMT.ip, elevated=dice.chance(0.5))
                w.share(moment + 50 * MILLI, host, session, "ADMIN$", "\\??\\C:\\Windows", MGMT.ip)

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
        send = w.start(self.day.at("02:30"), self.services[FS2], "C:\\Program Files\\WinSCP\\WinSCP.com",
                       'WinSCP.com /script=C:\\Backup\\offsite.txt', logon(BACKUP, FS2, "0", "High"))  # fmt: skip
        for index in range(3):
            time = self.day.at("02:31") + index * 22 * MINUTE
            n.lookup(time - SECOND, FS2.ip, *VAULT)
            port = w.connect(time, send, VAULT[1], 22, VAULT[0])
            n.connection(time, FS2.ip, VAULT[1], 22, dice.between(3_000, 4_200) * 1_000_000, 4_000_000, 20 * MINUTE, "ssh",
                         source_port=port)  # fmt: skip
        session = logon(BACKUP, DC, "0", "High")
        shell = w.start(
            self.day.at("00:40"), self.services[DC], CMD, "cmd.exe /c C:\\Backup\\state.cmd", session
        )
        for offset, (name, command) in enumerate((
            ("vssadmin.exe", "vssadmin list shadows"),
            ("wbadmin.exe", "wbadmin start systemstatebackup -backupTarget:E: -quiet"),
            ("vssadmin.exe", "vssadmin list writers"),
        )):  # fmt: skip
            w.start(self.day.at("00:41") + offset * MINUTE, shell, SYSTEM32 + name, command)

    def _directory_sync(self) -> None:
        """Those who may replicate the directory do: the domain controller itself and the cloud's sync account."""
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
            for port in dice.some((21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 389, 443, 445, 1433, 3306, 3389, 5432,
                                   5900, 5985, 8080, 8443, 9100), 20):  # fmt: skip
                open_port = port in (135, 139, 445, 3389, 5985) or (host is MAIL and port in (25, 143))
                n.connection(time + dice.upto(4 * MINUTE), SCAN.ip, host.ip, port, dice.between(0, 900), dice.between(0, 2_000),
                             dice.between(1, 900) * MILLI, "", "SF" if open_port else dice.one(("REJ", "S0")))  # fmt: skip
            for index, name in enumerate(("Administrator", "admin", "guest", "test")):
                w.logon_failed(
                    time + (index + 1) * 9 * SECOND, host, name, 3, SCAN.ip, "SCAN-01", "0xc0000064"
                )
            n.alert(time + MINUTE, (SCAN.ip, n.port()), (host.ip, 445), 1000021, "LOCAL SCAN many ports probed on one host",
                    "Attempted Information Leak", 3, "failed")  # fmt: skip
            n.alert(time + 2 * MINUTE, (SCAN.ip, n.port()), (host.ip, 80), 1000022, "LOCAL SCAN web vulnerability probe",
                    "Web Application Attack", 2)  # fmt: skip
            time += 5 * MINUTE

    def _mail_gateway(self) -> None:
        n, dice = self.network, self.dice
        for time in dice.moments(self.day, 420, OFFICE):
            sender = f"192.0.2.{dice.between(100, 180)}"
            port = n.port()
            n.connection(time, sender, MAIL.ip, 25, dice.between(2_000, 900_000), 900, dice.between(1, 9) * SECOND, "smtp",
                         source_port=port)  # fmt: skip
            n.lookup(
                time + 20 * MILLI, MAIL.ip, ".".join(reversed(sender.split("."))) + ".in-addr.arpa", "", "PTR"
            )
            n.eve(time + SECOND, "smtp", (sender, port), (MAIL.ip, 25), {"smtp": {
                "helo": f"mx{dice.between(1, 9)}.{dice.one(tuple(SITES)).split('.', 1)[1]}",
                "mail_from": f"<{dice.one(('sales', 'info', 'billing', 'news'))}@{dice.one(tuple(SITES)).split('.', 1)[1]}>",
                "rcpt_to": [f"<{dice.one(PEOPLE).name}@alderbrook.example>"]}})  # fmt: skip
            if dice.chance(0.08):
                n.alert(time + 2 * SECOND, (sender, port), (MAIL.ip, 25), 1000031, "LOCAL INFO compressed attachment in mail",
                        "Misc activity", 3, "smtp")  # fmt: skip
        for time in dice.moments(self.day, 900, OFFICE):
            name = dice.one(tuple(SITES))
            host = dice.one(WORKSTATIONS)
            n.eve(time, "tls", (host.ip, n.port()), (SITES[name], 443), {"tls": {
                "sni": name, "version": "TLS 1.3", "ja3": {"hash": dice.one(_JA3)}}})  # fmt: skip
            if dice.chance(0.06):
                n.alert(time + SECOND, (host.ip, n.port()), (SITES[name], 80), 1000041,
                        dice.one(("LOCAL POLICY executable or archive downloaded", "LOCAL INFO software update check")),
                        "Potential Corporate Privacy Violation", 3)  # fmt: skip

    def _wmi_monitoring(self) -> None:
        """Monitoring starts its inventory through WMI: WmiPrvSE.exe as the parent of PowerShell."""
        w, dice = self.windows, self.dice
        for host in SERVERS:
            provider = process(dice, host, SYSTEM32 + "wbem\\WmiPrvSE.exe", NETWORK_SERVICE, self.day.start)
            for time in self.day.every(4 * 60 * MINUTE, 20 * MINUTE, dice):
                shell = w.start(time, provider, POWERSHELL, f'{POWERSHELL} -NoProfile -File "C:\\Program Files\\Deskward\\inventory.ps1"',
                                logon(DEPLOY, host, "0", "High"))  # fmt: skip
                w.script(time + SECOND, shell, "param($Out)\nGet-CimInstance Win32_Product | Export-Csv $Out",
                         "C:\\Program Files\\Deskward\\inventory.ps1")  # fmt: skip
                w.stop(time + 30 * SECOND, shell)
            for person in dice.some(PEOPLE, 3):  # old programs still use NTLM
                time = self.day.at("08:30") + dice.upto(400 * MINUTE)
                w.logon(
                    time, host, logon(person, host), 3, SEAT[person].ip, "NTLM", SEAT[person].name, key=128
                )


def replication(properties: str) -> dict[str, object]:
    """The fields of a 4662 that reads the whole directory."""
    return {
        "ObjectServer": "DS", "ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
        "ObjectName": "%{b6a8c1de-5f0e-4a7c-9b1d-2f6f3f0c7a11}", "OperationType": "Object Access", "HandleId": "0x0",
        "AccessList": "%%7688\r\n\t\t\t\t", "AccessMask": "0x100", "Properties": properties, "AdditionalInfo": "-",
        "AdditionalInfo2": "",
    }  # fmt: skip


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


_JA3 = tuple(digest(f"tls client {number}", "md5") for number in range(3))
