"""Entry point of `mnist-tui` and `python -m mnist_tui`.

Without arguments it opens the home screen without importing the command line, which takes time.
"""

import sys
from typing import NoReturn

from mnist_tui.cli.terminal import flush_or_drop
from mnist_tui.cli.wiring import UsageError, show_screen
from mnist_tui.config import ConfigError
from mnist_tui.runs.directory import RunError


def main() -> NoReturn:
    """Run the program. Exit status: 0 success, 1 the run failed, 2 bad usage or input, 130 interrupted."""
    try:
        if len(sys.argv) == 1:
            sys.exit(show_screen(None))
        from mnist_tui.cli.main import run_command

        sys.exit(run_command())
    except (UsageError, ConfigError, RunError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        flush_or_drop(sys.stdout, sys.stderr)


def fail(sentence: str) -> NoReturn:
    """Print one line on stderr and exit with status 2."""
    from mnist_tui.render.text import sanitize

    print("mnist-tui: " + sanitize(" ".join(sentence.split())), file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
