"""Windows events as a collector ships them: flat JSON, one object an event, field names as Windows gives them.

`Windows` writes Sysmon, Security and PowerShell events into a recorder. What happens when, and why, is decided by
the benign parts and by the attack; here is only the shape.
"""

from __future__ import annotations

from sample_data.domain import DC, DOMAIN, SYSTEM, Host, Process, Session, process
from sample_data.images import hashes, metadata
from sample_data.record import Event, Recorder
from sample_data.world import MILLI, Dice, iso_milli, plain_milli, plain_second

_SYSMON = (
    "Microsoft-Windows-Sysmon",
    "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
    "Microsoft-Windows-Sysmon/Operational",
)
_SECURITY = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-A5BA-3E3B0328C30D}", "Security")
_EVENTLOG = ("Microsoft-Windows-Eventlog", "{FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148}", "Security")
_POWERSHELL = (
    "Microsoft-Windows-PowerShell", "{A0C1853B-5C40-4B15-8766-3CF1C58F985A}",
    "Microsoft-Windows-PowerShell/Operational",
)  # fmt: skip

_SYSMON_KINDS = {
    1: (5, "Process Create (rule: ProcessCreate)"),
    3: (5, "Network connection detected (rule: NetworkConnect)"),
    5: (3, "Process terminated (rule: ProcessTerminate)"),
    7: (3, "Image loaded (rule: ImageLoad)"),
    10: (3, "Process accessed (rule: ProcessAccess)"),
    11: (2, "File created (rule: FileCreate)"),
    13: (2, "Registry value set (rule: RegistryEvent)"),
    22: (5, "Dns query (rule: DnsQuery)"),
}
_SECURITY_KINDS = {
    1102: (0, 104, "Log clear"), 4624: (2, 12544, "Logon"), 4625: (0, 12544, "Logon"), 4634: (0, 12545, "Logoff"),
    4648: (0, 12544, "Logon"), 4662: (0, 14080, "Directory Service Access"), 4672: (0, 12548, "Special Logon"),
    4688: (2, 13312, "Process Creation"), 4697: (0, 12289, "Security System Extension"),
    4698: (1, 12804, "Other Object Access Events"), 4768: (0, 14339, "Kerberos Authentication Service"),
    4769: (0, 14337, "Kerberos Service Ticket Operations"), 4771: (0, 14339, "Kerberos Authentication Service"),
    4776: (0, 14336, "Credential Validation"), 5140: (1, 12808, "File Share"),
}  # fmt: skip


class Windows:
    """Writes events of the domain's machines. `dice` gives what nobody decides: process ids, ports, guids."""

    def __init__(self, recorder: Recorder, dice: Dice) -> None:
        self.recorder, self.dice = recorder, dice

    def _event(self, time: int, host: Host, source: tuple[str, str, str], number: int, version: int, task: int,
               category: str) -> Event:  # fmt: skip
        return {
            "@timestamp": iso_milli(time), "EventTime": plain_second(time), "Hostname": host.fqdn,
            "Channel": source[2], "EventID": number, "SourceName": source[0], "ProviderGuid": source[1],
            "Version": version, "Task": task, "Category": category, "Severity": "INFO", "SeverityValue": 2,
            "RecordNumber": 0, "SourceModuleName": "eventlog", "SourceModuleType": "im_msvistalog",
        }  # fmt: skip

    def _sysmon(self, time: int, host: Host, number: int, fields: Event) -> None:
        version, category = _SYSMON_KINDS[number]
        event = self._event(time, host, _SYSMON, number, version, number, category)
        event |= {
            "EventType": "INFO", "AccountName": "SYSTEM", "AccountType": "User", "Domain": "NT AUTHORITY",
            "UserID": "S-1-5-18", "RuleName": "-", "UtcTime": plain_milli(time),
        }  # fmt: skip
        self.recorder.add("sysmon.jsonl", time, event | fields)

    def security(self, time: int, host: Host, number: int, fields: Event, success: bool = True) -> None:
        version, task, category = _SECURITY_KINDS[number]
        source = _EVENTLOG if number == 1102 else _SECURITY
        event = self._event(time, host, source, number, version, task, category)
        event["EventType"] = "AUDIT_SUCCESS" if success else "AUDIT_FAILURE"
        self.recorder.add("security.jsonl", time, event | fields)

    # Sysmon

    def start(self, time: int, parent: Process, image: str, command: str, session: Session | None = None,
              audit: bool = True, directory: str = "C:\\Windows\\System32\\") -> Process:  # fmt: skip
        """A process starts: Sysmon 1 and, with `audit`, Security 4688. Returns it, to start or do more with."""
        host, session = parent.host, session or parent.session
        child = process(self.dice, host, image, session, time, command)
        about = metadata(image)
        fields: Event = {
            "ProcessGuid": child.guid, "ProcessId": str(child.pid), "Image": image, "FileVersion": about.version,
            "Description": about.description, "Product": about.product, "Company": about.company,
            "OriginalFileName": about.original, "CommandLine": command, "CurrentDirectory": directory,
            "User": session.account, "LogonId": session.logon, "TerminalSessionId": session.terminal,
            "IntegrityLevel": session.integrity, "Hashes": hashes(image), "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid), "ParentImage": parent.image, "ParentCommandLine": parent.command,
            "ParentUser": parent.session.account,
        }  # fmt: skip
        self._sysmon(time, host, 1, fields)
        if audit:
            self.security(time + 1 * MILLI, host, 4688, self._subject(host, session) | {
                "NewProcessId": hex(child.pid), "NewProcessName": image, "CommandLine": command,
                "TokenElevationType": "%%1936" if session.integrity == "System" else "%%1938",
                "ProcessId": hex(parent.pid), "ParentProcessName": parent.image, "TargetUserSid": "S-1-0-0",
                "TargetUserName": "-", "TargetDomainName": "-", "TargetLogonId": "0x0",
                "MandatoryLabel": {"System": "S-1-16-16384", "High": "S-1-16-12288"}.get(
                    session.integrity, "S-1-16-8192"),
            })  # fmt: skip
        return child

    def stop(self, time: int, one: Process) -> None:
        self._sysmon(time, one.host, 5, self._actor(one))

    def connect(self, time: int, one: Process, address: str, port: int, name: str = "-") -> int:
        """Sysmon 3; returns the source port, so that the network's own logs can agree."""
        source = self.dice.between(49700, 65000)
        self._sysmon(time, one.host, 3, self._actor(one) | {
            "User": one.session.account, "Protocol": "tcp", "Initiated": "true", "SourceIsIpv6": "false",
            "SourceIp": one.host.ip, "SourceHostname": one.host.fqdn, "SourcePort": str(source),
            "SourcePortName": "-", "DestinationIsIpv6": "false", "DestinationIp": address,
            "DestinationHostname": name, "DestinationPort": str(port),
            "DestinationPortName": {80: "http", 443: "https", 445: "microsoft-ds"}.get(port, "-"),
        })  # fmt: skip
        return source

    def resolve(self, time: int, one: Process, name: str, address: str) -> None:
        self._sysmon(time, one.host, 22, self._actor(one) | {
            "QueryName": name, "QueryStatus": "0", "QueryResults": f"::ffff:{address};", "User": one.session.account,
        })  # fmt: skip

    def file(self, time: int, one: Process, path: str) -> None:
        self._sysmon(time, one.host, 11, self._actor(one) | {
            "TargetFilename": path, "CreationUtcTime": plain_milli(time), "User": one.session.account,
        })  # fmt: skip

    def registry(self, time: int, one: Process, key: str, details: str) -> None:
        self._sysmon(time, one.host, 13, self._actor(one) | {
            "EventTypeOrignal": "SetValue", "TargetObject": key, "Details": details, "User": one.session.account,
        })  # fmt: skip

    def load(self, time: int, one: Process, library: str, signature: str = "Microsoft Windows") -> None:
        about = metadata(library)
        self._sysmon(time, one.host, 7, self._actor(one) | {
            "ImageLoaded": library, "FileVersion": about.version, "Description": about.description,
            "Product": about.product, "Company": about.company, "OriginalFileName": about.original,
            "Hashes": hashes(library), "Signed": "true", "Signature": signature, "SignatureStatus": "Valid",
            "User": one.session.account,
        })  # fmt: skip

    def access(self, time: int, one: Process, target: Process, access: str, trace: str) -> None:
        self._sysmon(time, one.host, 10, {
            "SourceProcessGUID": one.guid, "SourceProcessId": str(one.pid),
            "SourceThreadId": str(self.dice.between(500, 9000)), "SourceImage": one.image,
            "TargetProcessGUID": target.guid, "TargetProcessId": str(target.pid), "TargetImage": target.image,
            "GrantedAccess": access, "CallTrace": trace, "SourceUser": one.session.account,
            "TargetUser": SYSTEM.account,
        })  # fmt: skip

    @staticmethod
    def _actor(one: Process) -> Event:
        return {"ProcessGuid": one.guid, "ProcessId": str(one.pid), "Image": one.image}

    # Security

    @staticmethod
    def _subject(host: Host, session: Session) -> Event:
        domain, _, name = session.account.rpartition("\\")
        local = domain.startswith("NT ")
        return {
            "SubjectUserSid": session.sid, "SubjectUserName": f"{host.name}$" if local else name,
            "SubjectDomainName": DOMAIN if local else domain, "SubjectLogonId": session.logon,
        }  # fmt: skip

    def by(self, time: int, number: int, one: Process | tuple[Host, Session], fields: Event) -> None:
        """A Security event whose subject is the session of a process (or a host and a session)."""
        host, session = (one.host, one.session) if isinstance(one, Process) else one
        self.security(time, host, number, self._subject(host, session) | fields)

    def logon(self, time: int, host: Host, session: Session, kind: int, address: str = "-", package: str = "Kerberos",
              workstation: str = "-", elevated: bool = False, key: int = 0, outbound: str = "-") -> None:  # fmt: skip
        """4624, and 4672 for an elevated one. `kind` is the logon type; 9 is 'new credentials' (seclogo)."""
        domain, _, name = session.account.rpartition("\\")
        maker = {"Kerberos": "Kerberos", "NTLM": "NtLmSsp ", "Negotiate": "User32 "}[package]
        process_name = "-" if kind == 3 else SYSTEM32_SVCHOST
        subject: Event = {"SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-",
                          "SubjectLogonId": "0x0"}  # fmt: skip
        if kind == 9:
            maker, subject = "seclogo", self._subject(host, session)
        elif kind == 5:
            maker, process_name, subject = (
                "Advapi  ",
                "C:\\Windows\\System32\\services.exe",
                self._subject(host, SYSTEM),
            )
        self.security(time, host, 4624, subject | {
            "TargetUserSid": session.sid, "TargetUserName": name, "TargetDomainName": domain,
            "TargetLogonId": session.logon, "LogonType": str(kind), "LogonProcessName": maker,
            "AuthenticationPackageName": package, "WorkstationName": workstation,
            "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "TransmittedServices": "-",
            "LmPackageName": "NTLM V2" if package == "NTLM" else "-", "KeyLength": str(key),
            "ProcessId": "0x0" if kind == 3 else "0x3a8", "ProcessName": process_name, "IpAddress": address,
            "IpPort": "0" if address == "-" else str(self.dice.between(49700, 65000)),
            "ImpersonationLevel": "%%1833", "RestrictedAdminMode": "-",
            "TargetOutboundUserName": outbound, "TargetOutboundDomainName": "-" if outbound == "-" else DOMAIN,
            "VirtualAccount": "%%1843", "TargetLinkedLogonId": "0x0",
            "ElevatedToken": "%%1842" if elevated else "%%1843",
        })  # fmt: skip
        if elevated:
            self.security(time + 1 * MILLI, host, 4672, {
                "SubjectUserSid": session.sid, "SubjectUserName": name, "SubjectDomainName": domain,
                "SubjectLogonId": session.logon, "PrivilegeList": _PRIVILEGES,
            })  # fmt: skip

    def logoff(self, time: int, host: Host, session: Session, kind: int) -> None:
        domain, _, name = session.account.rpartition("\\")
        self.security(time, host, 4634, {
            "TargetUserSid": session.sid, "TargetUserName": name, "TargetDomainName": domain,
            "TargetLogonId": session.logon, "LogonType": str(kind),
        })  # fmt: skip

    def logon_failed(self, time: int, host: Host, name: str, kind: int, address: str, workstation: str,
                     sub_status: str = "0xc000006a", package: str = "NTLM") -> None:  # fmt: skip
        self.security(time, host, 4625, {
            "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
            "TargetUserSid": "S-1-0-0", "TargetUserName": name, "TargetDomainName": DOMAIN, "Status": "0xc000006d",
            "FailureReason": "%%2313", "SubStatus": sub_status, "LogonType": str(kind),
            "LogonProcessName": "NtLmSsp " if package == "NTLM" else "User32 ",
            "AuthenticationPackageName": package, "WorkstationName": workstation, "TransmittedServices": "-",
            "LmPackageName": "-", "KeyLength": "0", "ProcessId": "0x0", "ProcessName": "-", "IpAddress": address,
            "IpPort": str(self.dice.between(49700, 65000)),
        }, success=False)  # fmt: skip

    def ticket(
        self, time: int, account: str, sid: str, address: str, service: str = "", status: str = "0x0"
    ) -> None:
        """Kerberos at the domain controller: 4768 (or 4771 when it fails) without a service, 4769 with one."""
        seen: Event = {"IpAddress": f"::ffff:{address}", "IpPort": str(self.dice.between(49700, 65000)),
                       "Status": status}  # fmt: skip
        realm = "ALDERBROOK.EXAMPLE"
        if service:
            self.security(time, DC, 4769, {
                "TargetUserName": f"{account}@{realm}", "TargetDomainName": realm, "ServiceName": service,
                "ServiceSid": "S-1-5-21-1846299415-2704382910-3317480291-1201", "TicketOptions": "0x40810000",
                "TicketEncryptionType": "0x12", "TransmittedServices": "-",
            } | seen)  # fmt: skip
        elif status == "0x0":
            self.security(time, DC, 4768, {
                "TargetUserName": account, "TargetDomainName": DOMAIN, "TargetSid": sid, "ServiceName": "krbtgt",
                "ServiceSid": "S-1-5-21-1846299415-2704382910-3317480291-502", "TicketOptions": "0x40810010",
                "TicketEncryptionType": "0x12", "PreAuthType": "2",
            } | seen)  # fmt: skip
        else:
            self.security(time, DC, 4771, {
                "TargetUserName": account, "TargetSid": sid, "ServiceName": f"krbtgt/{DOMAIN}",
                "TicketOptions": "0x40810010", "PreAuthType": "2",
            } | seen, success=False)  # fmt: skip

    def share(self, time: int, host: Host, session: Session, share: str, path: str, address: str) -> None:
        self.by(time, 5140, (host, session), {
            "ObjectType": "File", "IpAddress": address, "IpPort": str(self.dice.between(49700, 65000)),
            "ShareName": f"\\\\*\\{share}", "ShareLocalPath": path, "AccessMask": "0x1",
            "AccessList": "%%4416\r\n\t\t\t\t",
        })  # fmt: skip

    # PowerShell

    def script(self, time: int, one: Process, text: str, path: str = "") -> None:
        """4104: a script block, as it was run."""
        domain, _, name = one.session.account.rpartition("\\")
        event = self._event(time, one.host, _POWERSHELL, 4104, 1, 2, "Execute a Remote Command")
        self.recorder.add("powershell.jsonl", time, event | {
            "EventType": "VERBOSE", "AccountName": name, "AccountType": "User", "Domain": domain,
            "UserID": one.session.sid, "ExecutionProcessID": one.pid, "MessageNumber": "1", "MessageTotal": "1",
            "ScriptBlockText": text, "ScriptBlockId": self.dice.uuid(), "Path": path, "Opcode": "On create calls",
        })  # fmt: skip


SYSTEM32_SVCHOST = "C:\\Windows\\System32\\svchost.exe"
_PRIVILEGES = "\r\n\t\t\t".join(
    ("SeSecurityPrivilege", "SeBackupPrivilege", "SeRestorePrivilege", "SeTakeOwnershipPrivilege",
     "SeDebugPrivilege", "SeSystemEnvironmentPrivilege", "SeLoadDriverPrivilege", "SeImpersonatePrivilege")
)  # fmt: skip
