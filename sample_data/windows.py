"""Windows events as a collector ships them: flat JSON, one object an event, field names as Windows gives
them.

`Windows` writes Sysmon, Security and PowerShell events into a recorder. What happens when, and why, is
decided by the benign parts and by the attack; here is only the shape.
"""

from __future__ import annotations

from sample_data.domain import SYSTEM, Host, Process, Session, process
from sample_data.images import hashes, metadata
from sample_data.record import Event
from sample_data.windows_security import SecurityLog
from sample_data.world import MILLI, plain_milli

_SYSMON = (
    "Microsoft-Windows-Sysmon",
    "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
    "Microsoft-Windows-Sysmon/Operational",
)
_POWERSHELL = (
    "Microsoft-Windows-PowerShell",
    "{A0C1853B-5C40-4B15-8766-3CF1C58F985A}",
    "Microsoft-Windows-PowerShell/Operational",
)

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


class Windows(SecurityLog):
    """Sysmon, Security and PowerShell of the domain's machines."""

    def _sysmon(self, time: int, host: Host, number: int, fields: Event) -> None:
        version, category = _SYSMON_KINDS[number]
        event = self.event(time, host, _SYSMON, number, version, number, category)
        event |= {
            "EventType": "INFO",
            "AccountName": "SYSTEM",
            "AccountType": "User",
            "Domain": "NT AUTHORITY",
            "UserID": "S-1-5-18",
            "RuleName": "-",
            "UtcTime": plain_milli(time),
        }
        self.recorder.add("sysmon.jsonl", time, event | fields)

    # Sysmon

    def start(
        self,
        time: int,
        parent: Process,
        image: str,
        command: str,
        session: Session | None = None,
        audit: bool = True,
        directory: str = "C:\\Windows\\System32\\",
    ) -> Process:
        """A process starts: Sysmon 1 and, with `audit`, Security 4688. Returns it."""
        host, session = parent.host, session or parent.session
        child = process(self.dice, host, image, session, time, command)
        about = metadata(image)
        fields: Event = {
            "ProcessGuid": child.guid,
            "ProcessId": str(child.pid),
            "Image": image,
            "FileVersion": about.version,
            "Description": about.description,
            "Product": about.product,
            "Company": about.company,
            "OriginalFileName": about.original,
            "CommandLine": command,
            "CurrentDirectory": directory,
            "User": session.account,
            "LogonId": session.logon,
            "TerminalSessionId": session.terminal,
            "IntegrityLevel": session.integrity,
            "Hashes": hashes(image),
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid),
            "ParentImage": parent.image,
            "ParentCommandLine": parent.command,
            "ParentUser": parent.session.account,
        }
        self._sysmon(time, host, 1, fields)
        if audit:
            self.security(
                time + 1 * MILLI,
                host,
                4688,
                self.subject(host, session)
                | {
                    "NewProcessId": hex(child.pid),
                    "NewProcessName": image,
                    "CommandLine": command,
                    "TokenElevationType": "%%1936" if session.integrity == "System" else "%%1938",
                    "ProcessId": hex(parent.pid),
                    "ParentProcessName": parent.image,
                    "TargetUserSid": "S-1-0-0",
                    "TargetUserName": "-",
                    "TargetDomainName": "-",
                    "TargetLogonId": "0x0",
                    "MandatoryLabel": {"System": "S-1-16-16384", "High": "S-1-16-12288"}.get(
                        session.integrity, "S-1-16-8192"
                    ),
                },
            )
        return child

    def stop(self, time: int, one: Process) -> None:
        self._sysmon(time, one.host, 5, self._actor(one))

    def connect(self, time: int, one: Process, address: str, port: int, name: str = "-") -> int:
        """Sysmon 3; returns the source port, so that the network's own logs can agree."""
        source = self.dice.between(49700, 65000)
        self._sysmon(
            time,
            one.host,
            3,
            self._actor(one)
            | {
                "User": one.session.account,
                "Protocol": "tcp",
                "Initiated": "true",
                "SourceIsIpv6": "false",
                "SourceIp": one.host.ip,
                "SourceHostname": one.host.fqdn,
                "SourcePort": str(source),
                "SourcePortName": "-",
                "DestinationIsIpv6": "false",
                "DestinationIp": address,
                "DestinationHostname": name,
                "DestinationPort": str(port),
                "DestinationPortName": {80: "http", 443: "https", 445: "microsoft-ds"}.get(port, "-"),
            },
        )
        return source

    def resolve(self, time: int, one: Process, name: str, address: str) -> None:
        self._sysmon(
            time,
            one.host,
            22,
            self._actor(one)
            | {
                "QueryName": name,
                "QueryStatus": "0",
                "QueryResults": f"::ffff:{address};",
                "User": one.session.account,
            },
        )

    def file(self, time: int, one: Process, path: str) -> None:
        self._sysmon(
            time,
            one.host,
            11,
            self._actor(one)
            | {
                "TargetFilename": path,
                "CreationUtcTime": plain_milli(time),
                "User": one.session.account,
            },
        )

    def registry(self, time: int, one: Process, key: str, details: str) -> None:
        self._sysmon(
            time,
            one.host,
            13,
            self._actor(one)
            | {
                "EventTypeOrignal": "SetValue",
                "TargetObject": key,
                "Details": details,
                "User": one.session.account,
            },
        )

    def load(self, time: int, one: Process, library: str, signature: str = "Microsoft Windows") -> None:
        about = metadata(library)
        self._sysmon(
            time,
            one.host,
            7,
            self._actor(one)
            | {
                "ImageLoaded": library,
                "FileVersion": about.version,
                "Description": about.description,
                "Product": about.product,
                "Company": about.company,
                "OriginalFileName": about.original,
                "Hashes": hashes(library),
                "Signed": "true",
                "Signature": signature,
                "SignatureStatus": "Valid",
                "User": one.session.account,
            },
        )

    def access(self, time: int, one: Process, target: Process, access: str, trace: str) -> None:
        self._sysmon(
            time,
            one.host,
            10,
            {
                "SourceProcessGUID": one.guid,
                "SourceProcessId": str(one.pid),
                "SourceThreadId": str(self.dice.between(500, 9000)),
                "SourceImage": one.image,
                "TargetProcessGUID": target.guid,
                "TargetProcessId": str(target.pid),
                "TargetImage": target.image,
                "GrantedAccess": access,
                "CallTrace": trace,
                "SourceUser": one.session.account,
                "TargetUser": SYSTEM.account,
            },
        )

    @staticmethod
    def _actor(one: Process) -> Event:
        return {"ProcessGuid": one.guid, "ProcessId": str(one.pid), "Image": one.image}

    # PowerShell

    def script(self, time: int, one: Process, text: str, path: str = "") -> None:
        """4104: a script block, as it was run."""
        domain, _, name = one.session.account.rpartition("\\")
        event = self.event(time, one.host, _POWERSHELL, 4104, 1, 2, "Execute a Remote Command")
        self.recorder.add(
            "powershell.jsonl",
            time,
            event
            | {
                "EventType": "VERBOSE",
                "AccountName": name,
                "AccountType": "User",
                "Domain": domain,
                "UserID": one.session.sid,
                "ExecutionProcessID": one.pid,
                "MessageNumber": "1",
                "MessageTotal": "1",
                "ScriptBlockText": text,
                "ScriptBlockId": self.dice.uuid(),
                "Path": path,
                "Opcode": "On create calls",
            },
        )
