"""A Kerberos realm of the test's own, by MIT's KDC (Debian: krb5-kdc, krb5-admin-server)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.kafka.broker import free_ports

REALM = "XDRTUI.TEST"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local")


def missing() -> str:
    """What a KDC would need that is not here; empty where all is."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return ", ".join(name for name in PROGRAMS if shutil.which(name, path=path) is None)


class Realm:
    """One KDC with its folder. `keytab(principal)` makes a principal; `environ` lets programs find it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (self._port,) = free_ports(1)
        self.configuration = folder / "krb5.conf"
        self.configuration.write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self._port}\n }}\n"
        )
        profile = folder / "kdc.conf"
        profile.write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self._port}\n kdc_tcp_listen = 127.0.0.1:{self._port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {folder}/principal\n"
            f"  key_stash_file = {folder}/stash\n  acl_file = {folder}/acl\n }}\n"
        )
        self.environ = {"KRB5_CONFIG": str(self.configuration), "KRB5_KDC_PROFILE": str(profile)}
        self._all = {**os.environ, **self.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
        self._process: subprocess.Popen[bytes] | None = None
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "a master key for this test")

    def keytab(self, principal: str) -> Path:
        """A new principal, and a file with its key."""
        path = self.folder / f"{principal.replace('/', '-')}.keytab"
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {principal}")
        self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {path} {principal}")
        return path

    def start(self) -> None:
        """Start the KDC and wait until it takes connections."""
        with (self.folder / "kdc.log").open("ab") as log:
            self._process = subprocess.Popen(["krb5kdc", "-n"], env=self._all, stdout=log, stderr=log)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, (self.folder / "kdc.log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self._all, check=True, capture_output=True)


def login_module(keytab: Path, principal: str) -> str:
    """What a broker's listener needs to take tickets for this principal."""
    return (
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true"
        f' keyTab="{keytab}" principal="{principal}@{REALM}";'
    )
