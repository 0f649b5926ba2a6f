"""The invoice scenario as it is told to a student."""

from __future__ import annotations

from sample_data.story import Story, Tale

_OFFICE = ("host WS-04.alderbrook.example", "user ALDERBROOK\\anna.keller")

STORY = Story(
    scenario="invoice",
    date="2026-03-03",
    title="An invoice with a macro",
    story=(
        "Anna Keller in accounting opens an invoice that came by mail. Its macro starts PowerShell, and "
        "from her "
        "workstation the intruders take an administrator's credentials, the file server, the domain's "
        "passwords and, "
        "a little after noon, the finance folder."
    ),
    hosts=("WS-04.alderbrook.example", "FS-01.alderbrook.example", "DC-01.alderbrook.example"),
    tales=(
        Tale(
            "inv-01",
            "A document with a macro arrives by mail",
            "T1566.001",
            "initial-access",
            "Outlook saved an attachment that may hold macros (.docm), and Word opened it straight from the "
            "mail.",
            "Sysmon events 11 and 1 on WS-04 around 08:41",
            "TargetFilename, then ParentImage and CommandLine",
            (*_OFFICE, "file Invoice_2026-0347.docm", "process WINWORD.EXE"),
        ),
        Tale(
            "inv-02",
            "Word starts PowerShell",
            "T1204.002",
            "execution",
            "Enabling the macro made Word start a hidden PowerShell with an encoded command; Word has no "
            "reason to.",
            "Sysmon event 1 on WS-04 a minute later",
            "ParentImage",
            (*_OFFICE, "process powershell.exe", "process WINWORD.EXE"),
        ),
        Tale(
            "inv-03",
            "PowerShell loads code from the web into memory",
            "T1059.001",
            "execution",
            "Decoded, the command fetches a text from the web and runs it at once (IEX), so that no file is "
            "written.",
            "PowerShell event 4104 on WS-04",
            "ScriptBlockText",
            (*_OFFICE, "domain billing-portal.test"),
        ),
        Tale(
            "inv-04",
            "The first stage comes down",
            "T1105",
            "command-and-control",
            "PowerShell, and no browser, asked an outside server for a script: the network saw its user "
            "agent.",
            "Zeek http and Suricata alerts around 08:42",
            "user_agent and host",
            (
                "host WS-04.alderbrook.example",
                "address 203.0.113.45",
                "domain billing-portal.test",
                "address 10.20.1.14",
            ),
        ),
        Tale(
            "inv-05",
            "A Run key that comes back at each logon",
            "T1547.001",
            "persistence",
            "A Run value with a trusted name (OneDriveSync) starts hidden PowerShell from the user's own "
            "profile.",
            "Sysmon event 13 on WS-04 at 08:47",
            "TargetObject and Details",
            (*_OFFICE, "process powershell.exe", "file sync.ps1"),
        ),
        Tale(
            "inv-06",
            "A scheduled task every half hour",
            "T1053.005",
            "persistence",
            "The same script is also made a scheduled task: one way back is never enough for an intruder.",
            "Sysmon event 1 (schtasks.exe) and Security 4698 at 08:49",
            "CommandLine, TaskContent",
            (*_OFFICE, "process schtasks.exe", "file sync.ps1"),
        ),
        Tale(
            "inv-07",
            "The beacon",
            "T1071.001",
            "command-and-control",
            "Once a minute, all morning, the machine posts about 312 bytes to the same address: people are "
            "not so regular.",
            "Zeek http of 10.20.1.14, 08:52 to 12:50",
            "host, method and the time between events",
            (
                "host WS-04.alderbrook.example",
                "address 10.20.1.14",
                "address 203.0.113.66",
                "domain updates.cloudsync.test",
            ),
        ),
        Tale(
            "inv-08",
            "Looking around",
            "T1087.002",
            "discovery",
            "Eight questions in two minutes: who am I, who are the domain admins, where is the domain "
            "controller.",
            "Sysmon event 1 on WS-04 at 09:05",
            "ParentImage and the series of CommandLines",
            (*_OFFICE, "process net.exe", "process nltest.exe"),
        ),
        Tale(
            "inv-09",
            "Around the consent prompt",
            "T1548.002",
            "privilege-escalation",
            "A registry value makes the trusted fodhelper.exe start PowerShell with full rights, without a "
            "question.",
            "Sysmon events 13 and 1 on WS-04 at 09:14",
            "TargetObject (ms-settings), then IntegrityLevel",
            (*_OFFICE, "process fodhelper.exe"),
        ),
        Tale(
            "inv-10",
            "A blind spot for the virus scanner",
            "T1562.001",
            "defense-evasion",
            "An exclusion tells Defender to ignore C:\\Users\\Public: what comes next is put there.",
            "PowerShell event 4104 and Sysmon 13 at 09:20",
            "ScriptBlockText, TargetObject",
            (*_OFFICE, "process MsMpEng.exe"),
        ),
        Tale(
            "inv-11",
            "The memory that holds passwords is dumped",
            "T1003.001",
            "credential-access",
            "rundll32.exe and comsvcs.dll, both part of Windows, write the memory of lsass.exe to a file.",
            "Sysmon events 1, 10 and 11 on WS-04 at 09:34",
            "CommandLine; TargetImage with GrantedAccess 0x1fffff",
            (*_OFFICE, "process rundll32.exe", "process lsass.exe", "file dbg.dmp"),
        ),
        Tale(
            "inv-12",
            "One password, many names",
            "T1110.003",
            "credential-access",
            "Twenty-eight accounts each fail once from one workstation: a password spray, below every "
            "lockout limit.",
            "Security event 4771 on DC-01 from 09:50",
            "TargetUserName, counted per IpAddress",
            ("host DC-01.alderbrook.example", "address 10.20.1.14"),
        ),
        Tale(
            "inv-13",
            "Logging on with a stolen hash",
            "T1550.002",
            "lateral-movement",
            "A logon of type 9 (new credentials) on WS-04, and then NTLM logons as adm.reyes from a clerk's "
            "machine.",
            "Security event 4624 on WS-04 and FS-01, 10:06 to 10:16",
            "LogonType, LogonProcessName, AuthenticationPackageName",
            (
                "host WS-04.alderbrook.example",
                "host FS-01.alderbrook.example",
                "user ALDERBROOK\\adm.reyes",
                "address 10.20.1.14",
            ),
        ),
        Tale(
            "inv-14",
            "Knocking on every door",
            "T1021.002",
            "lateral-movement",
            "In four minutes the workstation opened the administrative share of all sixteen other machines.",
            "Zeek conn (port 445) and Security 5140 from 10:08",
            "id.resp_h counted per id.orig_h; ShareName",
            ("host WS-04.alderbrook.example", "address 10.20.1.14", "user ALDERBROOK\\adm.reyes"),
        ),
        Tale(
            "inv-15",
            "A service on the file server",
            "T1569.002",
            "execution",
            "A service is installed on FS-01 whose program is a command line with encoded PowerShell.",
            "Security event 4697 and Sysmon 1 on FS-01 at 10:17",
            "ServiceFileName; ParentImage services.exe",
            ("host FS-01.alderbrook.example", "user ALDERBROOK\\adm.reyes", "process powershell.exe"),
        ),
        Tale(
            "inv-16",
            "Commands on the domain controller by WMI",
            "T1047",
            "execution",
            "WmiPrvSE.exe starts cmd.exe, and the answers are written to a share to be fetched: a remote "
            "shell.",
            "Sysmon event 1 on DC-01 from 10:42",
            "ParentImage and CommandLine (127.0.0.1\\ADMIN$)",
            (
                "host DC-01.alderbrook.example",
                "user ALDERBROOK\\adm.reyes",
                "process cmd.exe",
                "process WmiPrvSE.exe",
            ),
        ),
        Tale(
            "inv-17",
            "A copy of the password database",
            "T1003.003",
            "credential-access",
            "ntdsutil makes an 'install from media' copy of Active Directory: all password hashes in one "
            "folder.",
            "Sysmon events 1 and 11 on DC-01 at 10:47",
            "CommandLine (ifm, create full)",
            (
                "host DC-01.alderbrook.example",
                "user ALDERBROOK\\adm.reyes",
                "process ntdsutil.exe",
                "file ntds.dit",
            ),
        ),
        Tale(
            "inv-18",
            "Pretending to be a domain controller",
            "T1003.006",
            "credential-access",
            "A person's account asked for replication of the directory (DCSync): only controllers and sync "
            "accounts do.",
            "Security event 4662 on DC-01 at 10:55",
            "Properties (1131f6ad...) with SubjectUserName",
            ("host DC-01.alderbrook.example", "user ALDERBROOK\\adm.reyes"),
        ),
        Tale(
            "inv-19",
            "The finance folder is packed",
            "T1560.001",
            "collection",
            "A packer in C:\\Users\\Public makes a password-protected archive, names hidden, in parts of "
            "500 MB.",
            "Sysmon events 1 and 11 on FS-01 at 11:20",
            "CommandLine (-mhe=on, -p, -v500m)",
            ("host FS-01.alderbrook.example", "process 7za.exe", "file q1.7z.001"),
        ),
        Tale(
            "inv-20",
            "And carried out",
            "T1048.002",
            "exfiltration",
            "curl uploads the four parts, 1.9 GB together, over TLS to a host that nobody has ever talked "
            "to.",
            "Zeek conn from 10.20.2.11 and Sysmon 1 on FS-01 at 12:10",
            "orig_bytes; CommandLine (-T)",
            (
                "host FS-01.alderbrook.example",
                "address 10.20.2.11",
                "address 198.51.100.77",
                "domain files.dropzone.test",
                "process curl.exe",
            ),
        ),
        Tale(
            "inv-21",
            "The log is cleared",
            "T1070.001",
            "defense-evasion",
            "wevtutil empties the System and Security logs of FS-01; that it did is the first line of the "
            "new log.",
            "Sysmon event 1 and Security 1102 on FS-01 at 12:40",
            "CommandLine (cl), EventID 1102",
            ("host FS-01.alderbrook.example", "process wevtutil.exe"),
        ),
    ),
    look_alikes=(
        "The management agent (deskward-agent.exe) runs encoded PowerShell and makes scheduled tasks and "
        "services.",
        "A developer installs a package manager with iex and DownloadString, once, at 14:22.",
        "An administrator uses runas /netonly (a logon of type 9), once, and PsExec, once.",
        "The nightly backup packs with 7-Zip and sends gigabytes by SFTP.",
        "The virus scanner, csrss.exe and the agent open lsass.exe, some with full rights.",
        "svc_print fails to log on every ten minutes; the scanner tries four names on each host; people "
        "mistype.",
        "MGMT-01 opens ADMIN$ of three machines every quarter of an hour.",
        "The directory sync account and the domain controller replicate the directory.",
        "A news page in a browser asks for news every two minutes.",
    ),
)
