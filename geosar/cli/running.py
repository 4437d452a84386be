"""Running a command so that a person never sees a traceback, and a stop leaves no half file."""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from geosar.errors import GeosarError, UsageError, scrubbed

EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED = 1, 2, 130


def debugging() -> bool:
    """Whether tracebacks are wanted (GEOSAR_DEBUG=1)."""
    return os.environ.get("GEOSAR_DEBUG", "") not in {"", "0"}


def describe(error: BaseException) -> str:
    """Say in a line what went wrong. What geosar did not foresee is named by its type too."""
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, GeosarError) else f"unexpected {type(error).__name__}: {scrubbed(text)}"


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Return an event that Ctrl-C and SIGTERM set; a second one stops at once."""
    cancel = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        click.echo(f"\nStopping ({signal.Signals(number).name}); once more to stop at once.", err=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def guarded(work: Callable[[], Any]) -> int:
    """Do the work and give the exit code: 0 or what it returns, 1 (failed), 2 (wrong usage), 130 (stopped)."""
    try:
        result = work()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return EXIT_STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone; say nothing more, not even when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if debugging():
            raise
        click.echo(f"Error: {describe(error)}", err=True)
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    return result if isinstance(result, int) else 0


def exiting(command: click.Command) -> Callable[[], None]:
    """Make the function that a console script calls."""

    def main() -> None:
        # Placing a scene by its control points solves small systems: threads of their own only wait for one another.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        if not debugging():
            warnings.simplefilter("ignore")  # of libraries, for those who write programs
        sys.exit(guarded(lambda: command.main(standalone_mode=False)))

    main.__doc__ = command.help
    return main
