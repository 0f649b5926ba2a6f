"""What the user has set: one profile, from the settings file with the environment over it.

In: a profile's name or none, a settings file or none, the environment. Out: `Settings`. Errors:
SettingsError, one sentence with file, line, column and the nearest right name. Secrets are references until
they are used: `secrets.resolve`.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xdrtui.errors import SettingsError
from xdrtui.places import default_file, default_workspace
from xdrtui.plain import visible
from xdrtui.settings.model import (
    ArchiveSettings,
    KafkaSettings,
    LogSettings,
    Profile,
    RuleSettings,
    ScreenSettings,
    SettingsFile,
)
from xdrtui.settings.read import read_environment, read_file, refusal
from xdrtui.settings.secrets import Secret, is_reference, resolve

__all__ = [
    "ArchiveSettings",
    "KafkaSettings",
    "LogSettings",
    "Profile",
    "RuleSettings",
    "ScreenSettings",
    "Secret",
    "Settings",
    "SettingsFile",
    "is_reference",
    "load_settings",
    "refusal",
    "resolve",
    "settings_path",
]

_FILES_OF_KAFKA = ("ca_file", "certificate_file", "key_file", "oauth_ca_file", "registry_ca_file", "keytab")
_SECRETS_OF_KAFKA = ("password", "key_password", "oauth_client_secret", "registry_password")
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Settings:
    """One profile, ready to use; paths are absolute.

    name: of the profile; file: where it was read from, None where there is no file; workspace: absolute
    folder of the database and the logs (not created here).
    """

    name: str
    file: Path | None
    workspace: Path
    kafka: KafkaSettings
    rules: RuleSettings
    archive: ArchiveSettings
    logs: LogSettings
    screens: ScreenSettings


def settings_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the settings file is, or would be: XDRTUI_SETTINGS, else in the platform's config folder."""
    if named := environ.get("XDRTUI_SETTINGS"):
        return Path(named).expanduser().absolute()
    return default_file()


def load_settings(
    profile: str | None = None, path: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings of `profile` (else XDRTUI_PROFILE, else the file's `profile`, else the only one).

    A file that was named must be there; the platform's own need not: then all is default.
    """
    named = path is not None or bool(environ.get("XDRTUI_SETTINGS"))
    where = path.absolute() if path is not None else settings_path(environ)
    found = named or where.exists()
    content = read_file(where) if found else SettingsFile()
    for name in content.profiles:
        if not _PROFILE_NAME.fullmatch(name):
            raise SettingsError(
                f"{visible(str(where))}: {visible(name)} is no name for a profile: "
                "use lower-case letters, digits, - and _."
            )
    wanted = profile or environ.get("XDRTUI_PROFILE") or content.profile
    if not wanted:
        if len(content.profiles) > 1 and "default" not in content.profiles:
            raise SettingsError(
                f"{visible(str(where))} has the profiles {', '.join(content.profiles)} and names none: "
                "add `profile: NAME` or say --profile NAME."
            )
        wanted = next(iter(content.profiles)) if len(content.profiles) == 1 else "default"
    chosen = content.profiles.get(wanted)
    if chosen is None:
        if wanted != "default":
            raise SettingsError(_no_such_profile(wanted, content, where if found else None))
        chosen = Profile()
    chosen = read_environment(chosen, environ)
    base = where.parent if found else Path.cwd()
    return Settings(
        name=wanted,
        file=where if found else None,
        workspace=_workspace(chosen, wanted, base),
        kafka=chosen.kafka.model_copy(
            update={
                **{name: _placed(getattr(chosen.kafka, name), base) for name in _FILES_OF_KAFKA},
                **{name: _placed_secret(getattr(chosen.kafka, name), base) for name in _SECRETS_OF_KAFKA},
            }
        ),
        rules=chosen.rules.model_copy(
            update={
                "paths": [_placed(path, base) for path in chosen.rules.paths],
                "pipelines": [_placed(path, base) for path in chosen.rules.pipelines],
                "folder": _placed(chosen.rules.folder, base)
                or str(_workspace(chosen, wanted, base) / "rules"),
            }
        ),
        archive=chosen.archive,
        logs=chosen.logs,
        screens=chosen.screens,
    )


def _placed(path: str, base: Path) -> str:
    """An absolute path: `~` is the user's home, a relative path begins at the settings file's folder."""
    return str((base / Path(path).expanduser()).absolute()) if path else ""


def _placed_secret(reference: str | None, base: Path) -> str | None:
    kind, colon, place = (reference or "").partition(":")
    return f"file:{_placed(place, base)}" if kind == "file" and colon else reference


def _workspace(profile: Profile, name: str, base: Path) -> Path:
    if profile.workspace:
        return Path(_placed(profile.workspace, base))
    return default_workspace(name)


def _no_such_profile(wanted: str, content: SettingsFile, where: Path | None) -> str:
    if where is None:
        return (
            f"there is no profile {visible(wanted)}, for there is no settings file yet: "
            "see `xdrtui help settings`."
        )
    close = difflib.get_close_matches(wanted, list(content.profiles), n=1, cutoff=0.5)
    hint = f"the nearest is {close[0]}" if close else f"it has {', '.join(content.profiles) or 'none'}"
    return f"{visible(str(where))} has no profile {visible(wanted)}: {hint}."
