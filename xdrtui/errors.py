"""The exceptions of xdrtui, each with a sentence that says where, what, and what to do.

XdrtuiError
├── SettingsError      a setting is wrong: file, line, nearest right name
├── RuleError          a rule or a layout is wrong: file, line, column   (detectors raise their own, see
│                      detectors.sigma.problem: the ground floor imports nothing of ours)
├── SourceError        a file, topic or broker cannot be read
│   └── BrokerError    what exactly failed: name, refused, TLS, credentials, topic, rights
├── StoreError         the database cannot be used
│   ├── StoreTooNew    written by a newer xdrtui
│   ├── StoreBusy      another process holds it for too long
│   ├── StoreFull      the disk is full
│   └── Fenced         another worker has moved the stored positions on
└── ActionRefused      a person's command does not apply (any more)
"""

from __future__ import annotations


class XdrtuiError(Exception):
    """Base of all errors that a user may see. `str(error)` is one sentence with place and remedy."""


class SettingsError(XdrtuiError):
    """A setting is wrong."""


class RuleError(XdrtuiError):
    """A rule, a rule set or a layout cannot be used."""


class SourceError(XdrtuiError):
    """A source cannot be read."""


class BrokerError(SourceError):
    """Kafka cannot be reached or refuses."""


class StoreError(XdrtuiError):
    """The database cannot be used."""


class StoreTooNew(StoreError):
    """The database was written by a newer xdrtui."""


class StoreBusy(StoreError):
    """Another process holds the database for too long."""


class StoreFull(StoreError):
    """The disk is full."""


class Fenced(StoreError):
    """The stored positions were moved on by another worker; this batch must be dropped."""


class ActionRefused(XdrtuiError):
    """What was asked for does not apply to this alert, or no longer does."""
