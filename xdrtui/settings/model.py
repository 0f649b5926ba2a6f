"""What can be set, with its documentation: the manual's page of settings is made from these fields.

In: nothing. Out: pydantic models, one per feature, composed into `Profile` and `SettingsFile`. Reading the
file, the environment and telling what is wrong with them is `read.py`'s; `documentation.py` reads the
docstrings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from xdrtui.settings.secrets import check_reference
from xdrtui.settings.start import check_start

SecretReference = Annotated[str, AfterValidator(check_reference)]
"""`keyring:NAME`, `file:PATH` (mode 600) or `env:NAME`."""


def _group_name(name: str) -> str:
    if len(name) > 249 or name != name.strip() or not name.isprintable():
        raise ValueError("must be at most 249 printable characters, without a blank at either end")
    return name


class Model(BaseModel):
    """Base: unknown keys are errors, types are not guessed, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KafkaSettings(Model):
    """The Kafka cluster that events come from."""

    brokers: list[str] = []
    """Addresses to begin with, `host:port` each; the rest of the cluster is learnt from them."""

    topics: list[str] = []
    """Topics to read: names, or patterns with `*` and `?`, which also take up topics made later. Patterns
    never match Kafka's own topics (`__...`) and xdrtui's (`xdrtui-...`, `....dlq`)."""

    replay_topics: list[str] = []
    """Those of the topics that hold recorded data, written by `xdrtui replay --to kafka`: their messages
    bring their own clock, and only in these is it believed."""

    layouts: dict[str, str] = {}
    """Topic, or pattern, to layout name, for topics that hold one kind of event: no need to recognise each
    message."""

    group: Annotated[str, AfterValidator(_group_name)] = "xdrtui"
    """Consumer group. Positions are kept in the workspace; the group shows them to lag tools."""

    start: Annotated[str, AfterValidator(check_start)] = "latest"
    """Where to begin in a partition that has no stored position: `earliest`, `latest`, a time with its zone
    (`2026-11-20T08:00Z`) or so long ago (`6h`, `7d`)."""

    dead_letter_topic: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,249}$")
    """Topic, best named `....dlq`, to which messages that cannot be read are sent on, at least once each,
    under a key that tells doubles; it must be there already. Empty: they are kept in the workspace alone."""

    tls: bool = False
    """Encrypt the connection."""

    ca_file: str = ""
    """PEM file of the authority that signed the brokers' certificates; empty: the system's."""

    certificate_file: str = ""
    """PEM file of our own certificate, for mutual TLS."""

    key_file: str = ""
    """PEM file of its key."""

    key_password: SecretReference | None = None
    """Where the password of that key lies."""

    check_hostname: bool = True
    """Refuse a broker whose certificate names another host."""

    sasl: Literal["none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "gssapi"] = "none"
    """How to log in. `gssapi` is Kerberos and needs the extra `kerberos`."""

    user: str = ""
    """User name to log in with."""

    password: SecretReference | None = None
    """Where the password to log in with lies."""

    keytab: str = ""
    """For `gssapi`: a keytab that only you can read (mode 600); its first principal logs in. Empty: the
    ticket that `kinit` got."""

    kerberos_service: str = Field(default="kafka", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """For `gssapi`: the first part of the brokers' principals, as in `kafka/host@REALM`."""

    oauth_token_url: str = ""
    """For `oauthbearer`: where tokens are given out by client credentials; https, or this machine."""

    oauth_client_id: str = ""
    """For `oauthbearer`: who we are there."""

    oauth_client_secret: SecretReference | None = None
    """For `oauthbearer`: where our secret there lies."""

    oauth_scope: str = ""
    """For `oauthbearer`: the scope to ask for; empty: none."""

    oauth_ca_file: str = ""
    """For `oauthbearer`: PEM file of the authority that signed the token server's certificate; empty: the
    system's."""

    registry_url: str = ""
    """Schema registry, for topics with Avro or JSON Schema messages; https, or this machine. Avro needs the
    extra `xdrtui[registry]`."""

    registry_user: str = ""
    """User name (or API key) to log in to the registry with; empty: no login."""

    registry_password: SecretReference | None = None
    """Where the password for the registry lies."""

    registry_ca_file: str = ""
    """PEM file of the authority that signed the registry's certificate; empty: the system's."""

    mode: Literal["local", "fleet"] = "local"
    """`local`: a worker writes into this workspace. `fleet`: workers on any machines share the topics and
    write what they find to the findings topic, which `xdrtui fold` takes into this workspace. One consumer
    group and one workspace know only one of the two."""

    findings_topic: str = Field(default="xdrtui-findings", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """The topic of a fleet's findings: one partition, kept for at least 30 days."""


class RuleSettings(Model):
    """Which rules detect."""

    paths: list[str] = []
    """Folders and files of Sigma rules, beside the bundled ones."""

    folder: str = ""
    """Folder into which `xdrtui rules add` puts rules, and from which they are used; empty: the folder
    `rules` in the workspace."""

    bundled: bool = True
    """Use the rules that come with xdrtui. With `false`, and no others, there are no rules: such a worker
    only archives."""

    pipelines: list[str] = []
    """Files of processing pipelines, in pySigma's format, that rules go through when they are read: your own
    names of fields and log sources."""

    placeholders: dict[str, list[str]] = {}
    """What stands for `%name%` in rules with the modifier `expand`: name to values. A rule whose placeholder
    has none is off, and `xdrtui rules check` says so."""


class ArchiveSettings(Model):
    """Every event that goes by is kept in the workspace's folder `archive`, for `xdrtui hunt`. What would be
    too much goes, the oldest first."""

    enabled: bool = True
    """Keep events at all. Without it only the events of alerts are kept."""

    megabytes: int = Field(default=50_000, ge=1, le=1_000_000_000)
    """Most that the archive takes on disk, compressed. A thousand events a second of 1 KB each are some 86
    gigabytes a day before compression and a tenth of that after it."""

    days: int = Field(default=0, ge=0, le=36_500)
    """Delete what is older; 0: keep it as long as there is room."""

    free_megabytes: int = Field(default=2_000, ge=1, le=1_000_000_000)
    """So much of the disk is left free for the database: with less, the oldest archive goes, and when there
    is none left, events are no longer archived while detection goes on."""


class LogSettings(Model):
    """Logs are JSON lines in the workspace's folder `logs`; nothing is logged to the screen."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important kind of line that is kept."""

    megabytes: int = Field(default=10, ge=1, le=10_000)
    """Size at which a log file is rotated."""

    keep: int = Field(default=5, ge=1, le=1_000)
    """How many rotated files of one process are kept."""

    days: int = Field(default=14, ge=1, le=3_650)
    """Files of processes that ended are deleted after so many days."""


class ScreenSettings(Model):
    """How the screens look and which keys they have."""

    theme: Literal["dark", "light", "contrast", "colour-blind"] = "dark"
    """Colours. Terminals of 16 colours get theirs, and `NO_COLOR` none."""

    ascii: bool = False
    """Borders, symbols and arrows in ASCII; where the terminal speaks nothing else they are so anyway."""

    zone: str = ""
    """A third time zone beside UTC and this machine's own, by its name, such as `Europe/Paris`: the key `t`
    goes through all three, and the screens begin with this one."""

    mouse: Literal["auto", "on", "off"] = "auto"
    """`auto`: on, but off over SSH, and in GNU screen, which holds back a lone escape while it is on."""

    low_bandwidth: bool = False
    """Send at most one frame at a time and little of it: for slow links."""

    notify: Literal["none", "bell", "title", "both"] = "none"
    """Tell of new critical alerts by the terminal's bell, by its title, or both."""

    lock_minutes: int = Field(default=0, ge=0, le=1_440)
    """Minutes without a key after which all data is hidden until enter is pressed; 0: never. It hides from
    eyes; it is no login."""

    keys: dict[str, list[str]] = {}
    """Other keys for commands: the command's name, as the manual's page of keys has it, to its keys. A
    conflict is refused at start, with its line."""


class Profile(Model):
    """One set of brokers, topics and rules, with a workspace (database, logs) of its own."""

    workspace: str = ""
    """Folder of the database and the logs; empty: a folder named after the profile in the platform's data
    folder. It must not lie on a network file system. A relative path, here and below, begins at the folder of
    the settings file."""

    kafka: KafkaSettings = KafkaSettings()
    """See below."""

    rules: RuleSettings = RuleSettings()
    """See below."""

    archive: ArchiveSettings = ArchiveSettings()
    """See below."""

    logs: LogSettings = LogSettings()
    """See below."""

    screens: ScreenSettings = ScreenSettings()
    """See below."""


class SettingsFile(Model):
    """The whole file."""

    profile: str = ""
    """The profile that is used when none is named; empty: the only one there is, or `default`."""

    profiles: dict[str, Profile] = {}
    """Profiles by name: lower-case letters, digits, `-` and `_`."""
