"""Runs every check that a commit must pass: `python -m tests [PYTEST ARGUMENT ...]`. Exit status 1 if any failed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECKS: dict[str, tuple[str, ...]] = {
    "ruff check": ("-m", "ruff", "check"),
    "ruff format": ("-m", "ruff", "format", "--check"),
    "mypy": ("-m", "mypy"),
    # import-linter cannot be run with -m
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-logo"),
    # most tests wait for screens and processes; those of a file share what it is slow to make
    "pytest": ("-m", "pytest", "--numprocesses", "2", "--dist", "loadfile"),
}


def main(pytest_arguments: list[str]) -> int:
    """Run all checks, whatever becomes of the ones before, and sum up."""
    statuses: dict[str, int] = {}
    for name, command in CHECKS.items():
        print(f"\n== {name} " + "=" * (76 - len(name)), flush=True)
        extra = pytest_arguments if name == "pytest" else []
        statuses[name] = subprocess.run([sys.executable, *command, *extra], cwd=ROOT, check=False).returncode
    print("\n== summary " + "=" * 69)
    for name, status in statuses.items():
        print(f"{name:<14} {'ok' if status == 0 else f'FAILED (exit status {status})'}")
    return 1 if any(statuses.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
