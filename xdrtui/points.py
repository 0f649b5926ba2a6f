"""Named points on the way of a batch, at which tests end a worker to see that nothing is lost or doubled.

`reach("commit.before")` does nothing, at the cost of an empty call. Only where the environment names a point
in XDRTUI_POINT (`NAME:N`, or `NAME:N:STOP`) the process kills itself (or stops itself, as SIGSTOP does) when
it reaches that point for the N-th time. Set by tests alone; a signal leaves no chance to tidy up, as a power
cut or the kernel's out-of-memory killer leaves none.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "XDRTUI_POINT"

POINTS = (
    "store.upgrade.before",  # a new or old database has its tables, not committed
    "store.upgrade.after",
    "rules.before",  # which rules are in force is written, not committed
    "rules.after",
    "reserve.fsync",  # the file that holds room for a full disk is written
    "archive.take_up.cut",  # a dead worker's segment is cut back to its committed length, not fsynced
    "archive.folder.before",  # around the fsync of the folder that holds a new file's name
    "archive.folder.after",
    "archive.append",  # a batch's rows are in the hot segment, not fsynced
    "archive.fsync.before",
    "archive.fsync.after",
    "batch.before",  # nothing of the batch is in the database
    "insert.positions",  # each: after that group of INSERTs, inside the transaction
    "insert.findings",
    "insert.evidence",
    "insert.dead",
    "insert.archive",  # the new length of the hot segment is named
    "insert.counts",
    "insert.step",  # how far the watermark stands, for correlations
    "commit.before",  # all is written, the COMMIT has not begun
    "commit.after",  # committed; nothing has been told to Kafka
    "kafka.commit.before",  # around the commit of the group's offsets
    "kafka.commit.after",
    "fold.before",  # findings are folded into alerts, the COMMIT has not begun
    "fold.after",
    "finish.before",  # the same where all windows are decided, since recorded data has ended
    "finish.after",
    "archive.seal.before",  # a hot segment is given up to be rolled, not committed
    "archive.seal.after",
    "archive.roll.before",  # a hot segment is to be rolled into Parquet
    "archive.merge.before",  # small files are to be made one; then as rolling
    "archive.roll.fsync",  # a file is written under its temporary name
    "archive.roll.written",  # and fsynced
    "archive.roll.renamed",  # it has its name; the rows of segments are as before
    "archive.roll.commit",  # they name it, not committed
    "archive.roll.swapped",  # the rows name it, the hot segment is still there
    "outbox.send.before",  # dead letters go to their topic, the rows are not marked as sent
    "outbox.send.after",
    "outbox.marked",  # the rows are
    "archive.remove.unlinked",  # files are gone, their rows are there
    "archive.remove.after",
    "fleet.produce.before",  # a batch's findings go to the findings topic
    "fleet.produce.after",  # handed to the producer, not flushed
    "fleet.flush.after",  # every broker has them; the offsets are not committed
    "snapshot.fsync",  # a fold's snapshot is written under its temporary name
    "snapshot.written",  # and fsynced
    "snapshot.renamed",
    "snapshot.copied",  # a workspace that begins with one: it is copied, not named
)
"""Every point there is, in the order in which a batch passes them."""


class Armed:
    """Ends or stops this process at the n-th reach of one point."""

    def __init__(self, order: str) -> None:
        name, _, rest = order.partition(":")
        times, _, how = rest.partition(":")
        if name not in POINTS or not times.isdigit() or how not in ("", "STOP"):
            raise ValueError(f"{VARIABLE} is NAME:N or NAME:N:STOP, with one of {', '.join(POINTS)}")
        self.name = name
        self.left = int(times)
        self.signal = signal.SIGSTOP if how else signal.SIGKILL

    def __call__(self, point: str) -> None:
        if point == self.name:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.signal)


def _pass(point: str) -> None:
    """What `reach` is wherever no test has armed a point."""


reach = Armed(os.environ[VARIABLE]) if VARIABLE in os.environ else _pass
