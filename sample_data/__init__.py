"""Three recorded days with a known truth: a Windows domain, a farm of Linux servers, a cloud account.

`scenario_dir(name)` is where the files of a scenario stand; `sample_data.truth.load_truth(name)` tells what
happened in it. The files were made by `python -m sample_data.generate` and can be made again, byte for byte.
"""

from __future__ import annotations

from pathlib import Path

SCENARIOS = ("invoice", "miner", "cloud")


def scenario_dir(name: str) -> Path:
    """The folder of a scenario. Raises KeyError with the known names when there is none of this name."""
    if name not in SCENARIOS:
        raise KeyError(f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return Path(__file__).parent / name
