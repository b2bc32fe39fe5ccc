"""Entry point of `mnist-tui` and `python -m mnist_tui`.

Without arguments it opens the home screen without importing the command line, which takes time.
"""

import contextlib
import sys
from typing import NoReturn

from mnist_tui.cli.output import flush_or_drop, replace_unencodable
from mnist_tui.cli.wiring import UsageError, show_screen
from mnist_tui.config import ConfigError
from mnist_tui.runs.directory import RunError
from mnist_tui.streams import open_closed_streams


def main() -> NoReturn:
    """Run the program.

    Exit status: 0 success, 1 the run failed or output is lost, 2 bad usage or input, 130 interrupted.
    """
    open_closed_streams()
    replace_unencodable(sys.stdout, sys.stderr)
    try:
        status = run()
        sys.stdout.flush()
    except (UsageError, ConfigError, RunError) as error:
        complain(str(error))
        status = 2
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        status = 1
    except OSError as error:
        if error.filename is not None:  # no stream, but a file that a command failed to handle
            raise
        complain(f"stdout cannot be written ({error.strerror}): redirect it elsewhere; a started run goes on")
        status = 1
    finally:
        flush_or_drop(sys.stdout, sys.stderr)
    sys.exit(status)


def run() -> int:
    """Open the home screen or run a command, and return the exit status."""
    if len(sys.argv) == 1:
        return show_screen(None)
    from mnist_tui.cli.main import run_command

    return run_command()


def complain(sentence: str) -> None:
    """Print one line on stderr."""
    from mnist_tui.render.text import sanitize

    with contextlib.suppress(OSError):
        print("mnist-tui: " + sanitize(" ".join(sentence.split())), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
