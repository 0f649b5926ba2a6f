"""Where settings and workspaces are by default: the platform's folders."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def default_file() -> Path:
    """The settings file, where none is named."""
    return platformdirs.user_config_path("xdrtui") / "settings.yml"


def default_workspace(profile: str) -> Path:
    """The workspace of a profile that sets none."""
    return platformdirs.user_data_path("xdrtui") / profile
