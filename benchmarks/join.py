"""Join the tables of runs of one benchmark on other seeds, which may run side by side.

    python benchmarks/repertoires.py --seeds 0:1 --name repertoires_0 &
    python benchmarks/repertoires.py --seeds 1:2 --name repertoires_1 &
    wait; python -m benchmarks.join repertoires repertoires_0 repertoires_1

Rows are in the order of the runs. The provenance of the first is kept, and what differs in the others is listed under
``joined``. The results of the runs are removed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"
#: What is kept of the provenance of each run but the first.
OF_RUN = ("command", "commit", "date", "device", "seconds", "seeds")


def join(name: str, runs: list[str]) -> pd.DataFrame:
    """Write ``results/<name>`` from the results of runs, and remove these."""
    records = [json.loads((RESULTS / f"{run}.json").read_text()) for run in runs]
    table = pd.concat([pd.read_csv(RESULTS / f"{run}.csv") for run in runs], ignore_index=True)
    for run in runs:
        (RESULTS / f"{run}.json").unlink()
        (RESULTS / f"{run}.csv").unlink()
    table.to_csv(RESULTS / f"{name}.csv", index=False)
    (RESULTS / f"{name}.json").write_text(json.dumps(_joined(records), indent=1) + "\n")
    return table


def _joined(records: list[dict]) -> dict:
    """The provenance of the first run, and what differs in that of each other."""
    others = [{key: record[key] for key in OF_RUN} for record in records[1:]]
    return records[0] | {"seeds": sorted({seed for record in records for seed in record["seeds"]}), "joined": others}


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name")
    options.add_argument("runs", nargs="+")
    arguments = options.parse_args()
    print(join(arguments.name, arguments.runs).to_string(index=False))
