"""The engine of xdrtui: sources, events, the pipeline, triage, the store and the command line. No screen."""

from __future__ import annotations

__version__ = "0.1.0"
