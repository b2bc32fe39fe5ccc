"""All checks that a commit must pass: `python -m tests [PYTEST ARGUMENT ...]`. The exit status is 1 if any failed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORKERS = 4
"""Test processes. More than the cores of a small machine, since most tests wait for screens and other processes."""
SLOWEST = 25
"""Number of tests that are listed with their seconds."""
CHECKS: dict[str, tuple[str, ...]] = {
    "ruff check": ("-m", "ruff", "check"),
    "ruff format": ("-m", "ruff", "format", "--check"),
    "mypy": ("-m", "mypy"),
    # import-linter cannot be run with -m
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-logo"),
    # loadfile: the tests of a file share what is slow to make, such as a trained model
    # no reorder: conftest.py has chosen an order that keeps all processes busy
    "pytest": (
        *("-m", "pytest", f"--numprocesses={WORKERS}", "--dist=loadfile", "--no-loadscope-reorder"),
        f"--durations={SLOWEST}",
    ),
}


def main(pytest_arguments: list[str]) -> int:
    """Run all checks, the later ones even if an earlier one failed, and print a summary."""
    compiling = compile_tests()
    statuses: dict[str, int] = {}
    for name, command in CHECKS.items():
        print(f"\n== {name} " + "=" * (76 - len(name)), flush=True)
        extra = pytest_arguments if name == "pytest" else []
        if name == "pytest" and compiling is not None:
            compiling.wait()
        statuses[name] = subprocess.run([sys.executable, *command, *extra], cwd=ROOT, check=False).returncode
    print("\n== summary " + "=" * 69)
    for name, status in statuses.items():
        print(f"{name:<14} {'ok' if status == 0 else f'FAILED (exit status {status})'}")
    return 1 if any(statuses.values()) else 0


def compile_tests() -> subprocess.Popen[bytes] | None:
    """Compile a fresh checkout's tests once beside the other checks, not in each of the test processes."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if any(ROOT.glob("tests/__pycache__/*-pytest-*.pyc")):
        return None
    collect = (sys.executable, "-m", "pytest", "--collect-only", "-qq")
    return subprocess.Popen(collect, cwd=ROOT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
