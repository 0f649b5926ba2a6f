"""What can be set, with its documentation: the manual's page of settings is made from these fields.

In: nothing. Out: pydantic models, one per feature, composed into `Profile` and `SettingsFile`. Reading the
file, the environment and telling what is wrong with them is `read.py`'s; `documentation.py` reads the
docstrings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from xdrtui.settings.secrets import check_reference

SecretReference = Annotated[str, AfterValidator(check_reference)]
"""`keyring:NAME`, `file:PATH` (mode 600) or `env:NAME`."""


class Model(BaseModel):
    """Base: unknown keys are errors, types are not guessed, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KafkaSettings(Model):
    """The Kafka cluster that events come from."""

    brokers: list[str] = []
    """Addresses to begin with, `host:port` each; the rest of the cluster is learnt from them."""

    topics: list[str] = []
    """Topics to read."""

    replay_topics: list[str] = []
    """Those of the topics that hold recorded data, written by `xdrtui replay --to kafka`: their messages
    bring their own clock, and only in these is it believed."""

    layouts: dict[str, str] = {}
    """Topic to layout name, for topics that hold one kind of event: no need to recognise each message."""

    group: str = "xdrtui"
    """Consumer group. Positions are kept in the workspace; the group shows them to lag tools."""

    start: Literal["earliest", "latest"] = "latest"
    """Where to begin in a topic that has no stored position."""

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

    sasl: Literal["none", "plain", "scram-sha-256", "scram-sha-512"] = "none"
    """How to log in."""

    user: str = ""
    """User name to log in with."""

    password: SecretReference | None = None
    """Where the password to log in with lies."""


class RuleSettings(Model):
    """Which rules detect."""

    paths: list[str] = []
    """Folders and files of Sigma rules, beside the bundled ones."""

    folder: str = ""
    """Folder into which `xdrtui rules add` puts rules, and from which they are used; empty: the folder
    `rules` in the workspace."""

    bundled: bool = True
    """Use the rules that come with xdrtui."""

    pipelines: list[str] = []
    """Files of processing pipelines, in pySigma's format, that rules go through when they are read: your own
    names of fields and log sources."""

    placeholders: dict[str, list[str]] = {}
    """What stands for `%name%` in rules with the modifier `expand`: name to values. A rule whose placeholder
    has none is off, and `xdrtui rules check` says so."""


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

    logs: LogSettings = LogSettings()
    """See below."""


class SettingsFile(Model):
    """The whole file."""

    profile: str = ""
    """The profile that is used when none is named; empty: the only one there is, or `default`."""

    profiles: dict[str, Profile] = {}
    """Profiles by name: lower-case letters, digits, `-` and `_`."""
