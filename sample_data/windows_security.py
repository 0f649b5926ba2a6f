"""The Security log of Windows: logons, Kerberos, shares, services, as a collector ships them: flat JSON.

`windows.py` builds on this and adds Sysmon and PowerShell.
"""

from __future__ import annotations

from sample_data.domain import DC, DOMAIN, SYSTEM, Host, Process, Session
from sample_data.record import Event, Recorder
from sample_data.world import MILLI, Dice, iso_milli, plain_second

_SECURITY = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-A5BA-3E3B0328C30D}", "Security")
_EVENTLOG = ("Microsoft-Windows-Eventlog", "{FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148}", "Security")

_SECURITY_KINDS = {
    1102: (0, 104, "Log clear"),
    4624: (2, 12544, "Logon"),
    4625: (0, 12544, "Logon"),
    4634: (0, 12545, "Logoff"),
    4648: (0, 12544, "Logon"),
    4662: (0, 14080, "Directory Service Access"),
    4672: (0, 12548, "Special Logon"),
    4688: (2, 13312, "Process Creation"),
    4697: (0, 12289, "Security System Extension"),
    4698: (1, 12804, "Other Object Access Events"),
    4768: (0, 14339, "Kerberos Authentication Service"),
    4769: (0, 14337, "Kerberos Service Ticket Operations"),
    4771: (0, 14339, "Kerberos Authentication Service"),
    4776: (0, 14336, "Credential Validation"),
    5140: (1, 12808, "File Share"),
}
_SVCHOST = "C:\\Windows\\System32\\svchost.exe"
_PRIVILEGES = "\r\n\t\t\t".join(
    (
        "SeSecurityPrivilege",
        "SeBackupPrivilege",
        "SeRestorePrivilege",
        "SeTakeOwnershipPrivilege",
        "SeDebugPrivilege",
        "SeSystemEnvironmentPrivilege",
        "SeLoadDriverPrivilege",
        "SeImpersonatePrivilege",
    )
)


class SecurityLog:
    """Writes events of the domain's machines. `dice` gives what nobody decides: process ids, ports, guids."""

    def __init__(self, recorder: Recorder, dice: Dice) -> None:
        self.recorder, self.dice = recorder, dice

    def event(
        self,
        time: int,
        host: Host,
        source: tuple[str, str, str],
        number: int,
        version: int,
        task: int,
        category: str,
    ) -> Event:
        return {
            "@timestamp": iso_milli(time),
            "EventTime": plain_second(time),
            "Hostname": host.fqdn,
            "Channel": source[2],
            "EventID": number,
            "SourceName": source[0],
            "ProviderGuid": source[1],
            "Version": version,
            "Task": task,
            "Category": category,
            "Severity": "INFO",
            "SeverityValue": 2,
            "RecordNumber": 0,
            "SourceModuleName": "eventlog",
            "SourceModuleType": "im_msvistalog",
        }

    def security(self, time: int, host: Host, number: int, fields: Event, success: bool = True) -> None:
        version, task, category = _SECURITY_KINDS[number]
        source = _EVENTLOG if number == 1102 else _SECURITY
        event = self.event(time, host, source, number, version, task, category)
        event["EventType"] = "AUDIT_SUCCESS" if success else "AUDIT_FAILURE"
        self.recorder.add("security.jsonl", time, event | fields)

    @staticmethod
    def subject(host: Host, session: Session) -> Event:
        domain, _, name = session.account.rpartition("\\")
        local = domain.startswith("NT ")
        return {
            "SubjectUserSid": session.sid,
            "SubjectUserName": f"{host.name}$" if local else name,
            "SubjectDomainName": DOMAIN if local else domain,
            "SubjectLogonId": session.logon,
        }

    def by(self, time: int, number: int, one: Process | tuple[Host, Session], fields: Event) -> None:
        """A Security event whose subject is the session of a process (or a host and a session)."""
        host, session = (one.host, one.session) if isinstance(one, Process) else one
        self.security(time, host, number, self.subject(host, session) | fields)

    def logon(
        self,
        time: int,
        host: Host,
        session: Session,
        kind: int,
        address: str = "-",
        package: str = "Kerberos",
        workstation: str = "-",
        elevated: bool = False,
        key: int = 0,
        outbound: str = "-",
    ) -> None:
        """4624, and 4672 for an elevated one. `kind` is the logon type; 9 is 'new credentials' (seclogo)."""
        domain, _, name = session.account.rpartition("\\")
        maker = {"Kerberos": "Kerberos", "NTLM": "NtLmSsp ", "Negotiate": "User32 "}[package]
        process_name = "-" if kind == 3 else _SVCHOST
        subject: Event = {
            "SubjectUserSid": "S-1-0-0",
            "SubjectUserName": "-",
            "SubjectDomainName": "-",
            "SubjectLogonId": "0x0",
        }
        if kind == 9:
            maker, subject = "seclogo", self.subject(host, session)
        elif kind == 5:
            maker, process_name, subject = (
                "Advapi  ",
                "C:\\Windows\\System32\\services.exe",
                self.subject(host, SYSTEM),
            )
        self.security(
            time,
            host,
            4624,
            subject
            | {
                "TargetUserSid": session.sid,
                "TargetUserName": name,
                "TargetDomainName": domain,
                "TargetLogonId": session.logon,
                "LogonType": str(kind),
                "LogonProcessName": maker,
                "AuthenticationPackageName": package,
                "WorkstationName": workstation,
                "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
                "TransmittedServices": "-",
                "LmPackageName": "NTLM V2" if package == "NTLM" else "-",
                "KeyLength": str(key),
                "ProcessId": "0x0" if kind == 3 else "0x3a8",
                "ProcessName": process_name,
                "IpAddress": address,
                "IpPort": "0" if address == "-" else str(self.dice.between(49700, 65000)),
                "ImpersonationLevel": "%%1833",
                "RestrictedAdminMode": "-",
                "TargetOutboundUserName": outbound,
                "TargetOutboundDomainName": "-" if outbound == "-" else DOMAIN,
                "VirtualAccount": "%%1843",
                "TargetLinkedLogonId": "0x0",
                "ElevatedToken": "%%1842" if elevated else "%%1843",
            },
        )
        if elevated:
            self.security(
                time + 1 * MILLI,
                host,
                4672,
                {
                    "SubjectUserSid": session.sid,
                    "SubjectUserName": name,
                    "SubjectDomainName": domain,
                    "SubjectLogonId": session.logon,
                    "PrivilegeList": _PRIVILEGES,
                },
            )

    def logoff(self, time: int, host: Host, session: Session, kind: int) -> None:
        domain, _, name = session.account.rpartition("\\")
        self.security(
            time,
            host,
            4634,
            {
                "TargetUserSid": session.sid,
                "TargetUserName": name,
                "TargetDomainName": domain,
                "TargetLogonId": session.logon,
                "LogonType": str(kind),
            },
        )

    def logon_failed(
        self,
        time: int,
        host: Host,
        name: str,
        kind: int,
        address: str,
        workstation: str,
        sub_status: str = "0xc000006a",
        package: str = "NTLM",
    ) -> None:
        self.security(
            time,
            host,
            4625,
            {
                "SubjectUserSid": "S-1-0-0",
                "SubjectUserName": "-",
                "SubjectDomainName": "-",
                "SubjectLogonId": "0x0",
                "TargetUserSid": "S-1-0-0",
                "TargetUserName": name,
                "TargetDomainName": DOMAIN,
                "Status": "0xc000006d",
                "FailureReason": "%%2313",
                "SubStatus": sub_status,
                "LogonType": str(kind),
                "LogonProcessName": "NtLmSsp " if package == "NTLM" else "User32 ",
                "AuthenticationPackageName": package,
                "WorkstationName": workstation,
                "TransmittedServices": "-",
                "LmPackageName": "-",
                "KeyLength": "0",
                "ProcessId": "0x0",
                "ProcessName": "-",
                "IpAddress": address,
                "IpPort": str(self.dice.between(49700, 65000)),
            },
            success=False,
        )

    def validated(self, time: int, name: str, workstation: str, status: str = "0x0") -> None:
        """4776: the domain controller checks an NTLM logon for another machine."""
        fields: Event = {
            "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
            "TargetUserName": name,
            "Workstation": workstation,
            "Status": status,
        }
        self.security(time, DC, 4776, fields, success=status == "0x0")

    def ticket(
        self, time: int, account: str, sid: str, address: str, service: str = "", status: str = "0x0"
    ) -> None:
        """Kerberos at the controller: 4768 (4771 when it fails) without a service, 4769 with one."""
        seen: Event = {
            "IpAddress": f"::ffff:{address}",
            "IpPort": str(self.dice.between(49700, 65000)),
            "Status": status,
        }
        realm = "ALDERBROOK.EXAMPLE"
        if service:
            self.security(
                time,
                DC,
                4769,
                {
                    "TargetUserName": f"{account}@{realm}",
                    "TargetDomainName": realm,
                    "ServiceName": service,
                    "ServiceSid": "S-1-5-21-1846299415-2704382910-3317480291-1201",
                    "TicketOptions": "0x40810000",
                    "TicketEncryptionType": "0x12",
                    "TransmittedServices": "-",
                }
                | seen,
            )
        elif status == "0x0":
            self.security(
                time,
                DC,
                4768,
                {
                    "TargetUserName": account,
                    "TargetDomainName": DOMAIN,
                    "TargetSid": sid,
                    "ServiceName": "krbtgt",
                    "ServiceSid": "S-1-5-21-1846299415-2704382910-3317480291-502",
                    "TicketOptions": "0x40810010",
                    "TicketEncryptionType": "0x12",
                    "PreAuthType": "2",
                }
                | seen,
            )
        else:
            self.security(
                time,
                DC,
                4771,
                {
                    "TargetUserName": account,
                    "TargetSid": sid,
                    "ServiceName": f"krbtgt/{DOMAIN}",
                    "TicketOptions": "0x40810010",
                    "PreAuthType": "2",
                }
                | seen,
                success=False,
            )

    def share(self, time: int, host: Host, session: Session, share: str, path: str, address: str) -> None:
        self.by(
            time,
            5140,
            (host, session),
            {
                "ObjectType": "File",
                "IpAddress": address,
                "IpPort": str(self.dice.between(49700, 65000)),
                "ShareName": f"\\\\*\\{share}",
                "ShareLocalPath": path,
                "AccessMask": "0x1",
                "AccessList": "%%4416\r\n\t\t\t\t",
            },
        )
