"""`xdrtui resume`: see `pause`."""

from __future__ import annotations

from xdrtui.commands.pause import resume as command

__all__ = ["command"]
