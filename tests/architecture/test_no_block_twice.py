"""What two adapters need stands in the core: no block of code is in two of them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ENOUGH = 5  # lines that say the same, one after the other, without blank lines, comments and imports


def blocks(package: str) -> dict[tuple[str, ...], str]:
    """Every run of ENOUGH lines of *package*, and where it begins."""
    found: dict[tuple[str, ...], str] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        numbered = [(n, line.strip()) for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)]
        lines = [(n, line) for n, line in numbered if line and not line.startswith(("#", "import ", "from ", '"""'))]
        for start in range(len(lines) - ENOUGH + 1):
            run = lines[start : start + ENOUGH]
            found.setdefault(tuple(line for _, line in run), f"{path.relative_to(ROOT)}:{run[0][0]}")
    return found


def test_no_block_of_code_stands_in_two_adapters():
    """Shared logic is in wauth_core, where one test holds it for all."""
    packages = {name: blocks(name) for name in ("wauth_django", "wauth_flask", "wauth_wsgi")}
    assert all(len(found) > 500 for found in packages.values())
    twice = [
        (packages[one][block], packages[other][block])
        for one in packages
        for other in packages
        if one < other
        for block in packages[one].keys() & packages[other].keys()
    ]
    assert twice == []
