"""Make the sample data: `python -m sample_data.generate [--seed N] [--out DIR] [SCENARIO...]`.

The same seed gives the same bytes, on any machine and at any time. Each file is compressed by itself; its
name in truth.json is the compressed one's, its line numbers are those of the text inside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from sample_data import SCENARIOS
from sample_data.cloud_attack import cloud
from sample_data.invoice_attack import invoice
from sample_data.miner_attack import miner
from sample_data.record import Written
from sample_data.story import Story, Tale
from sample_data.truth import Benign, Entity, EventRef, Step, Truth
from sample_data.world import iso_milli

SEED = 20260303

_ONE_EVENT = re.compile(r'\{\n\s+("(?:file|kind)": [^\n]*),\n\s+("(?:line|value)": [^\n]*)\n\s+\}')

_MAKERS: dict[str, Callable[[int], tuple[Story, Written]]] = {
    "invoice": invoice,
    "miner": miner,
    "cloud": cloud,
}


def scenario(name: str, seed: int = SEED) -> dict[str, str]:
    """The texts of a scenario by file name: its logs, uncompressed, and truth.json."""
    story, written = _MAKERS[name](seed)
    texts = {file + ".gz": "".join(line + "\n" for line in lines) for file, lines in written.lines.items()}
    truth = msgspec.to_builtins(_truth(story, written))
    text = json.dumps(truth, indent=1, ensure_ascii=False)
    texts["truth.json"] = _ONE_EVENT.sub(r"{\1, \2}", text) + "\n"
    return texts


def write(name: str, folder: Path, seed: int = SEED) -> list[Path]:
    """Write a scenario into `folder`/`name`; returns the files."""
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for file, text in scenario(name, seed).items():
        path = target / file
        data = text.encode()
        path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0) if path.suffix == ".gz" else data)
        written.append(path)
    return written


def _truth(story: Story, written: Written) -> Truth:
    missing = {tale.id for tale in story.tales} ^ set(written.evidence)
    if missing:
        raise ValueError(f"{story.scenario}: told or done, but not both: {', '.join(sorted(missing))}")
    evidence = [len(found) for found in written.evidence.values()]
    by_file = {
        file + ".gz": len(lines) - sum(one[0] == file for found in written.evidence.values() for one in found)
        for file, lines in written.lines.items()
    }
    return Truth(
        scenario=story.scenario,
        title=story.title,
        story=story.story,
        hosts=story.hosts,
        steps=tuple(
            _step(order, tale, written.evidence[tale.id]) for order, tale in enumerate(story.tales, 1)
        ),
        benign=Benign(sum(map(len, written.lines.values())) - sum(evidence), by_file, story.look_alikes),
    )


def _step(order: int, tale: Tale, found: list[tuple[str, int, int]]) -> Step:
    times = [time for _, _, time in found]
    return Step(
        id=tale.id,
        order=order,
        title=tale.title,
        technique=tale.technique,
        tactic=tale.tactic,
        start=iso_milli(min(times)),
        end=iso_milli(max(times)),
        events=tuple(EventRef(file + ".gz", line) for file, line, _ in found),
        entities=tuple(Entity(*text.split(" ", 1)) for text in tale.entities),
        sentence=tale.sentence,
        hint_where=tale.hint_where,
        hint_field=tale.hint_field,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sample_data.generate", description="Make the sample data."
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help="another seed gives another, equally told, day"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder (default: the bundled data)"
    )
    parser.add_argument("scenario", nargs="*", help=f"which (default: all): {', '.join(SCENARIOS)}")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    for name in options.scenario or SCENARIOS:
        files = write(name, options.out, options.seed)
        size = sum(path.stat().st_size for path in files)
        print(f"{name}: {len(files)} files, {size / 1e6:.2f} MB in {options.out / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
