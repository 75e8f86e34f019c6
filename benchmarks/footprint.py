"""What an installation takes on the disk: this package, with the extra `minilm`, and all that they need.

Run: python benchmarks/footprint.py
"""

from importlib.metadata import distribution
from pathlib import Path

from common import write
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME, EXTRA = "pykeen-negater", "minilm"

#: So many of the largest packages have rows of their own
LARGEST = 5


def needed(name: str, extras: frozenset[str], found: set[str]) -> set[str]:
    """Find a distribution and all that it needs, that being installed or not asked for on this platform."""
    if (name, extras) in found:
        return found
    found.add((name, extras))
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(given) for given in environments):
            needed(canonicalize_name(requirement.name), frozenset(requirement.extras), found)
    return found


def size(name: str) -> int:
    """Add up the bytes of a distribution's files."""
    files = (Path(file.locate()) for file in distribution(name).files or ())
    return sum(path.stat().st_size for path in files if path.is_file())


def main() -> None:
    """Measure and write."""
    sizes = {name: size(name) / 2**20 for name, _ in needed(NAME, frozenset([EXTRA]), set())}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:LARGEST]
    rows = [{"package": name, "MiB": round(sizes[name], 1)} for name in largest]
    others = sum(sizes.values()) - sum(sizes[name] for name in largest)
    rows.append({"package": f"{len(sizes) - LARGEST} others", "MiB": round(others, 1)})
    rows.append({"package": f"all that {NAME}[{EXTRA}] needs", "MiB": round(sum(sizes.values()), 1)})
    write("footprint", rows)


if __name__ == "__main__":
    main()
