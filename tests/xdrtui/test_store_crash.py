"""A worker killed at any moment leaves findings and positions that fit together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store

WORKER = """
import sys
from pathlib import Path
from tests.xdrtui.store_samples import batch, found, mark
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.store import Store

store = Store.open(Path(sys.argv[1]))
correlator = Correlator(store, holder="worker", step=7)
known = store.positions("s").get(0)
at = known.next_offset if known else 0
print("ready", flush=True)
while True:
    store.commit_batch(batch([found(offset=n, host=f"h{n % 5}") for n in range(at, at + 10)], [mark(at + 10, start=at)]))
    at += 10
    correlator.fold()
"""  # noqa: E501


def test_killed_at_any_moment_a_worker_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for moment in (0.02, 0.05, 0.11, 0.2):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], cwd=root, stdout=subprocess.PIPE
        )
        assert worker.stdout is not None and worker.stdout.readline() == b"ready\n"
        time.sleep(moment)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
    with Store.open(tmp_path) as store:
        (count, last) = store.connection.execute("SELECT count(*), max(offset) FROM findings").fetchone()
        assert store.positions("s")[0].next_offset == count == last + 1
        correlator = Correlator(store, holder="worker")
        correlator.fold()
        alerts = list(export_alerts(store.connection))
        (folded,) = store.connection.execute("SELECT sum(count) FROM alerts").fetchone()
        assert folded == count
        correlator.rebuild()
        assert list(export_alerts(store.connection)) == alerts
