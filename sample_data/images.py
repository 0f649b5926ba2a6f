"""What Sysmon tells of a program file: version, description, maker, original name, hashes.

The hashes stand for files that do not exist: each is the hash of the file's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sample_data.world import digest


@dataclass(frozen=True)
class About:
    original: str
    description: str
    product: str
    company: str
    version: str


_WINDOWS = "Microsoft® Windows® Operating System"
_BUILD = "10.0.19041.4291 (WinBuild.160101.0800)"
_OFFICE = "16.0.17328.20162"

# File name (lower case) -> original file name, description, product, company, version.
_KNOWN = {
    "powershell.exe": ("PowerShell.EXE", "Windows PowerShell", _WINDOWS, "Microsoft Corporation", _BUILD),
    "cmd.exe": ("Cmd.Exe", "Windows Command Processor", _WINDOWS, "Microsoft Corporation", _BUILD),
    "rundll32.exe": (
        "RUNDLL32.EXE",
        "Windows host process (Rundll32)",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "winword.exe": ("WinWord.exe", "Microsoft Word", "Microsoft Office", "Microsoft Corporation", _OFFICE),
    "excel.exe": ("Excel.exe", "Microsoft Excel", "Microsoft Office", "Microsoft Corporation", _OFFICE),
    "outlook.exe": (
        "Outlook.exe",
        "Microsoft Outlook",
        "Microsoft Outlook",
        "Microsoft Corporation",
        _OFFICE,
    ),
    "schtasks.exe": (
        "schtasks.exe",
        "Task Scheduler Configuration Tool",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "net.exe": ("net.exe", "Net Command", _WINDOWS, "Microsoft Corporation", _BUILD),
    "net1.exe": ("net1.exe", "Net Command", _WINDOWS, "Microsoft Corporation", _BUILD),
    "nltest.exe": (
        "nltestrk.exe",
        "Microsoft® Logon Server Test Utility",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "whoami.exe": (
        "whoami.exe",
        "whoami - displays logged on user information",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "wevtutil.exe": (
        "wevtutil.exe",
        "Eventing Command Line Utility",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "fodhelper.exe": (
        "FodHelper.EXE",
        "Features On Demand Helper",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "ntdsutil.exe": ("ntdsutil.exe", "NT5DS", _WINDOWS, "Microsoft Corporation", _BUILD),
    "svchost.exe": (
        "svchost.exe",
        "Host Process for Windows Services",
        _WINDOWS,
        "Microsoft Corporation",
        _BUILD,
    ),
    "7z.exe": ("7z.exe", "7-Zip Console", "7-Zip", "Igor Pavlov", "23.01"),
    "7za.exe": ("7za.exe", "7-Zip Standalone Console", "7-Zip", "Igor Pavlov", "23.01"),
    "curl.exe": ("curl.exe", "The curl executable", "The curl executable", "curl, https://curl.se/", "8.4.0"),
    "psexesvc.exe": (
        "psexesvc.exe",
        "PsExec Service",
        "Sysinternals PsExec",
        "Sysinternals - www.sysinternals.com",
        "2.43",
    ),
    "chrome.exe": ("chrome.exe", "Google Chrome", "Google Chrome", "Google LLC", "122.0.6261.95"),
    "msedge.exe": (
        "msedge.exe",
        "Microsoft Edge",
        "Microsoft Edge",
        "Microsoft Corporation",
        "122.0.2365.59",
    ),
    "teams.exe": ("Teams.exe", "Microsoft Teams", "Microsoft Teams", "Microsoft Corporation", "1.7.00.3653"),
    "onedrive.exe": (
        "OneDrive.exe",
        "Microsoft OneDrive",
        "Microsoft OneDrive",
        "Microsoft Corporation",
        "24.020.0128.0003",
    ),
    "deskward-agent.exe": (
        "deskward-agent.exe",
        "Deskward management agent",
        "Deskward",
        "Deskward AG",
        "7.4.2",
    ),
    "git.exe": ("git.exe", "Git for Windows", "Git", "The Git Development Community", "2.43.0"),
    "python.exe": ("python.exe", "Python", "Python", "Python Software Foundation", "3.11.8"),
}


@cache
def metadata(image: str) -> About:
    name = image.rsplit("\\", 1)[-1]
    if name.lower() in _KNOWN:
        return About(*_KNOWN[name.lower()])
    if image.lower().startswith("c:\\windows\\"):
        return About(name, name.rsplit(".", 1)[0], _WINDOWS, "Microsoft Corporation", _BUILD)
    maker = image.split("\\")[2] if image.count("\\") > 2 else "-"
    return About(name, name.rsplit(".", 1)[0], maker, maker, f"1.{len(name)}.{len(image)}")


@cache
def hashes(image: str) -> str:
    """As Sysmon writes them: kinds and values in one text."""
    about = metadata(image)
    text = f"{about.original}/{about.version}"
    return ",".join(
        f"{name}={digest(text + name, kind).upper()}"
        for name, kind in (("SHA1", "sha1"), ("MD5", "md5"), ("SHA256", "sha256"), ("IMPHASH", "md5"))
    )
