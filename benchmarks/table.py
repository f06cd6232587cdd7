"""Write the tables of README.md and docs/ from the results files, between markers.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``; what it shows is declared in
`benchmarks/tables`. No figure of a table is typed by hand.

    python -m benchmarks.table          # write
    python -m benchmarks.table --check  # exit with 1 where a page differs
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.tables import PAGES

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def filled(page: str, tables: dict[str, object]) -> str:
    """A page with all its tables as the results have them."""
    found = [match["name"] for match in BLOCK.finditer(page)]
    if sorted(found) != sorted(tables):
        msg = f"A page must have a marker for each of {sorted(tables)}, got {sorted(found)}."
        raise ValueError(msg)
    return BLOCK.sub(lambda match: f"{match[1]}{tables[match['name']]}\n{match[3]}", page)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="change nothing, exit with 1 where a page differs")
    arguments = options.parse_args()
    changed = []
    for name, tables in PAGES.items():
        before = (ROOT / name).read_text()
        after = filled(before, tables)
        if after != before:
            changed.append(name)
            if not arguments.check:
                (ROOT / name).write_text(after)
    print(f"{'differ' if arguments.check else 'written'}: {', '.join(changed) or 'none'}")
    if changed and arguments.check:
        sys.exit("Run `python -m benchmarks.table`.")


if __name__ == "__main__":
    main()
