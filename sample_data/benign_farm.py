"""What the Linux servers of the miner scenario do on an ordinary day: people, automation, cron, logins,
metrics.

Staff and automation log in by key; robots from outside try passwords all day; the shop resizes pictures
through a shell; builds fetch, decode and unpack; backups read /etc; the database dump takes all of a
processor for a while.
"""

from __future__ import annotations

from sample_data.farm import (
    ANSIBLE,
    BASTION,
    CI,
    DB,
    DEPLOY,
    DEVELOPERS,
    OPS,
    ROOT,
    SERVERS,
    STAFF,
    WEB1,
    WEBS,
    WWW,
    Server,
)
from sample_data.linux import Linux
from sample_data.world import ALWAYS, MILLI, MINUTE, OFFICE, SECOND, SERVICE, Day, Dice

_PYTHON = "/usr/bin/python3.11"


class Farm:
    def __init__(self, day: Day, linux: Linux, dice: Dice) -> None:
        self.day, self.linux, self.dice = day, linux, dice

    def run(self) -> None:
        self._robots()
        self._people()
        self._automation()
        for host in SERVERS:
            self._cron(host)
            self._watched_files(host)
        self._shop()
        self._builds()
        self._backups()

    def _robots(self) -> None:
        """Outside addresses that try a few passwords an hour on whatever answers."""
        names = ("root", "admin", "test", "oracle", "git", "user", "postgres", "pi", "ubuntu", "ftp")
        for number in range(30):
            source = f"192.0.2.{200 + number}"
            for _ in range(self.dice.between(4, 11)):
                time = (
                    self.day.start + 10 * SECOND + self.dice.upto(self.day.end - self.day.start - 5 * MINUTE)
                )
                for _ in range(self.dice.between(1, 3)):
                    name = self.dice.one(names)
                    self.linux.ssh_failed(
                        time, self.dice.one((BASTION, WEB1)), name, source, name in ("root", "ubuntu")
                    )
                    time += self.dice.between(2, 9) * SECOND

    def _people(self) -> None:
        lx, dice = self.linux, self.dice
        for time in dice.moments(self.day, 70, OFFICE):
            user, method = dice.one(STAFF), dice.weighted(((6, "publickey"), (4, "password")))
            outside = f"198.51.100.{200 + user.uid % 10}"
            if method == "password" and dice.chance(0.35):
                for wrong in range(dice.between(1, 3)):
                    lx.ssh_failed(time - (wrong + 1) * 6 * SECOND, BASTION, user.name, outside, known=True)
            lx.ssh(time, BASTION, user, outside, "publickey", dice.between(600, 5_000))
            host = dice.one((*WEBS, DB, CI))
            if method == "password" and dice.chance(0.3):
                lx.ssh_failed(time + 15 * SECOND, host, user.name, BASTION.ip, known=True)
            lx.ssh(time + 25 * SECOND, host, user, BASTION.ip, method, dice.between(300, 3_000))
            moment = time + 40 * SECOND
            for _ in range(dice.between(3, 9)):
                if user in OPS:
                    self._administer(moment, host)
                else:
                    self._develop(moment, host)
                moment += dice.between(8, 120) * SECOND

    def _administer(self, time: int, host: Server) -> None:
        lx, dice, user = self.linux, self.dice, self.dice.one(OPS)
        command = dice.one(
            (
                "/usr/bin/systemctl restart nginx",
                "/usr/bin/systemctl status php8.2-fpm",
                "/usr/bin/vim /etc/nginx/nginx.conf",
                "/usr/bin/journalctl -u nginx -n 200",
                "/usr/bin/apt-get update",
                "/usr/bin/tail -n 200 /var/log/nginx/error.log",
                "/usr/bin/find /var/log -name *.gz -mtime +30 -delete",
                "/usr/sbin/iptables -L -n",
                "/usr/sbin/ufw status",
                "/usr/bin/less /var/log/auth.log",
                "/usr/bin/tar -czf /root/etc.tgz /etc/nginx",
                "/usr/bin/crontab -l",
            )
        )
        lx.sudo(time, host, user, command, seconds=dice.between(1, 90))
        lx.execute(time + 10 * MILLI, host, ROOT, command.split(), user, "/root", "pts0", title=True)

    def _develop(self, time: int, host: Server) -> None:
        dice, user = self.dice, self.dice.one(DEVELOPERS)
        command = dice.one(
            (
                "curl -sS https://api.payments.example/health",
                "git pull --rebase",
                "whoami",
                "id",
                "uname -a",
                "tail -f log/app.log",
                "wget -q https://registry.packages.example/tool-2.1.tar.gz -O /tmp/tool.tar.gz",
                "base64 -d token.b64",
                "ls -la",
                "cat /etc/passwd",
                "chmod +x bin/run.sh",
                "python3 manage.py check",
                "crontab -l",
                "rm -rf build",
                "ps aux",
                "env",
                "curl -s -o /tmp/schema.json https://registry.packages.example/schema.json",
                "tar -xzf /tmp/tool.tar.gz -C /opt/tools",
            )
        )
        self.linux.execute(time, host, user, command.split(), user, user.home, "pts1", title=True)

    def _automation(self) -> None:
        """Ansible at night, and each deployment: keys, cron files, accounts, firewall rules."""
        lx, dice = self.linux, self.dice
        for host in SERVERS:
            time = self.day.at("04:00") + dice.upto(25 * MINUTE)
            lx.ssh(time, host, ANSIBLE, CI.ip, seconds=240)
            lx.sudo(
                time + SECOND,
                host,
                ANSIBLE,
                "/bin/sh -c echo BECOME-SUCCESS ; /usr/bin/python3",
                "pts/0",
                200,
            )
            lx.execute(
                time + 2 * SECOND,
                host,
                ROOT,
                ["/usr/bin/python3", "-E", "/root/.ansible/tmp/module.py"],
                ANSIBLE,
                "/root",
                exe=_PYTHON,
            )
            lx.touch(
                time + 20 * SECOND,
                host,
                ROOT,
                "python3",
                "/home/deploy/.ssh/authorized_keys",
                "ssh_keys",
                "NORMAL",
                ANSIBLE,
            )
            lx.touch(
                time + 31 * SECOND,
                host,
                ROOT,
                "python3",
                "/etc/cron.d/app-cleanup",
                "cron",
                "CREATE",
                ANSIBLE,
            )
            lx.execute(
                time + 44 * SECOND,
                host,
                ROOT,
                ["/usr/sbin/iptables", "-C", "INPUT", "-s", "10.30.0.0/16", "-j", "ACCEPT"],
                ANSIBLE,
                "/root",
            )
            lx.execute(time + 52 * SECOND, host, ROOT, ["apt-get", "-y", "upgrade"], ANSIBLE, "/root")
        for host in WEBS:
            time = self.day.at("04:20") + dice.upto(9 * MINUTE)
            lx.auth(time, host, "useradd", "new group: name=node_exporter, GID=998", 7412)
            lx.auth(
                time + 4 * MILLI,
                host,
                "useradd",
                "new user: name=node_exporter, UID=998, GID=998, home=/nonexistent, "
                "shell=/usr/sbin/nologin, from=none",
                7412,
            )
            lx.execute(
                time - 20 * MILLI,
                host,
                ROOT,
                ["/usr/sbin/useradd", "-r", "-s", "/usr/sbin/nologin", "node_exporter"],
                ANSIBLE,
                "/root",
            )
        for time in dice.moments(self.day, 10, OFFICE):
            release = f"/var/www/releases/{dice.between(4000, 4999)}"
            for offset, host in enumerate(WEBS):
                moment = time + offset * 40 * SECOND
                lx.ssh(moment, host, DEPLOY, CI.ip, seconds=35)
                for step, command in enumerate(
                    (
                        f"mkdir -p {release}",
                        f"tar -xzf /tmp/release.tar.gz -C {release}",
                        f"chmod +x {release}/bin/console",
                        f"ln -sfn {release} /var/www/current",
                        f"php {release}/bin/console cache:clear",
                    )
                ):
                    lx.execute(
                        moment + (step + 2) * SECOND, host, DEPLOY, command.split(), DEPLOY, "/home/deploy"
                    )
                for file in ("index.php", "config.php", "cache.php"):
                    lx.touch(
                        moment + 4 * SECOND,
                        host,
                        DEPLOY,
                        "tar",
                        f"{release}/public/{file}",
                        "web_root",
                        "CREATE",
                        DEPLOY,
                    )
        for host in (*WEBS, DB):
            for time in self.day.every(40 * MINUTE, 9 * MINUTE, dice):
                lx.ssh(time, host, DEPLOY, CI.ip, seconds=dice.between(2, 20))

    def _cron(self, host: Server) -> None:
        lx, dice = self.linux, self.dice
        for time in self.day.every(15 * MINUTE, SECOND, dice):
            lx.cron(time, host, ROOT, f"curl -fsS https://hc.monitoring.example/ping/{host.name} > /dev/null")
        for time in self.day.every(60 * MINUTE, SECOND, dice):
            lx.cron(time, host, ROOT, "cd / && run-parts --report /etc/cron.hourly")
        if host in WEBS:
            for time in self.day.every(20 * MINUTE, SECOND, dice):
                lx.cron(time, host, WWW, "php /var/www/current/cron.php --quiet")

    def _watched_files(self, host: Server) -> None:
        """Programs that read /etc/shadow because that is their work."""
        for time in self.dice.moments(self.day, 60, ALWAYS):
            name = self.dice.one(("sshd", "sudo", "unix_chkpwd", "cron"))
            self.linux.touch(time, host, ROOT, name, "/etc/shadow", "shadow", "NORMAL", mode="0100640")
        time = self.day.at("00:10") + self.dice.upto(9 * MINUTE)
        for name in ("/var/log/nginx/access.log", "/var/log/auth.log"):
            self.linux.execute(time, host, ROOT, ["/usr/sbin/logrotate", "/etc/logrotate.conf"])
            self.linux.touch(time + SECOND, host, ROOT, "logrotate", name, "logs", "CREATE")
            time += 2 * SECOND

    def _shop(self) -> None:
        """The shop takes pictures and resizes them: the web server's account runs convert through a shell."""
        lx, dice = self.linux, self.dice
        for time in dice.moments(self.day, 330, SERVICE):
            host = dice.one(WEBS)
            name = f"/var/www/html/uploads/{dice.hexes(8)}.jpg"
            lx.touch(time, host, WWW, "php-fpm8.2", name, "web_root")
            if dice.chance(0.6):
                lx.execute(
                    time + 90 * MILLI,
                    host,
                    WWW,
                    ["sh", "-c", f"convert {name} -resize 800x {name}"],
                    None,
                    "/var/www/html",
                )
                lx.execute(
                    time + 99 * MILLI,
                    host,
                    WWW,
                    ["convert", name, "-resize", "800x", name],
                    None,
                    "/var/www/html",
                )

    def _builds(self) -> None:
        lx, dice = self.linux, self.dice
        for time in dice.moments(self.day, 60, OFFICE):
            work = f"/srv/build/{dice.between(10_000, 99_999)}"
            for step, command in enumerate(
                (
                    "git clone --depth 1 https://git.codehost.example/shop.git",
                    f"curl -fsSL https://registry.packages.example/sdk.tgz -o {work}/sdk.tgz",
                    f"tar -xzf {work}/sdk.tgz",
                    "base64 -d deploy_key.b64",
                    "chmod 600 deploy_key",
                    f"chmod +x {work}/tools/lint",
                    "npm ci",
                    "make test",
                    "shred -u deploy_key",
                    f"rm -rf {work}",
                )
            ):
                lx.execute(
                    time + step * dice.between(4, 19) * SECOND, CI, DEPLOY, command.split(), DEPLOY, work
                )

    def _backups(self) -> None:
        lx, day = self.linux, self.day
        for host in (*WEBS, DB):
            time = day.at("01:15") + self.dice.upto(9 * MINUTE)
            lx.cron(time, host, ROOT, "/usr/local/bin/backup.sh")
            lx.execute(time + SECOND, host, ROOT, ["tar", "-czf", "/var/backups/etc.tgz", "/etc"])
            lx.touch(time + 2 * SECOND, host, ROOT, "tar", "/etc/shadow", "shadow", "NORMAL", mode="0100640")
        lx.execute(
            day.at("01:30"),
            DB,
            ROOT,
            ["/usr/lib/postgresql/15/bin/pg_dump", "-Fc", "shop", "-f", "/var/backups/shop.dump"],
        )
        lx.execute(day.at("01:38"), DB, ROOT, ["gzip", "-9", "/var/backups/shop.dump"])
