"""Where a command's words and its JSON go, and how its errors end it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from influencespace.errors import InfluenceSpaceError, OptionError

STDOUT = "-"
CANCELLED = 130


class Output:
    """Words on stdout and JSON in a file; with ``--json -`` JSON alone on stdout and everything else on stderr."""

    def __init__(self, target: str | None) -> None:
        self.target = target
        self._stdout = sys.stdout
        # Now and not after an hour of work.
        if target not in (None, STDOUT) and (Path(target).is_dir() or not Path(target).absolute().parent.is_dir()):
            raise OptionError(f"--json {target} cannot be written: it is a folder, or lies in a folder that does not exist.")

    def spare(self, sources: Iterable[str]) -> None:
        """See to it that the JSON replaces none of these files.

        Raises
        ------
        OptionError
            If it would.
        """
        if self.target in (None, STDOUT):
            return
        path = Path(self.target).resolve()
        if any(path == Path(source).expanduser().resolve() for source in sources):
            raise OptionError(f"--json {self.target} would replace what the pairs come from; choose another file.")

    def say(self, *lines: str) -> None:
        """Print lines for a person."""
        for line in lines:
            typer.echo(line)

    def finish(self, value: dict[str, Any]) -> None:
        """Give the machine-readable result, where it was asked for.

        Raises
        ------
        OptionError
            If the file cannot be written.
        """
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if self.target == STDOUT:
            self._stdout.write(text)
            self._stdout.flush()
        elif self.target is not None:
            path = Path(self.target)
            temporary = path.with_name(f".{path.name}.partial")
            try:
                temporary.write_text(text, encoding="utf-8")
                temporary.replace(path)
            except OSError as error:
                raise OptionError(f"--json {path} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def command(target: str | None) -> Iterator[Output]:
    """Run the body of a command: what a person can mend is one message, and Ctrl-C is no fault.

    Raises
    ------
    typer.Exit
        With 1 after an error of the person's, with 130 after Ctrl-C.
    """
    try:
        output = Output(target)
        # Libraries print too.
        with contextlib.redirect_stdout(sys.stderr) if target == STDOUT else contextlib.nullcontext():
            yield output
    except InfluenceSpaceError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("\nCancelled; what was done so far is kept.", err=True)
        raise typer.Exit(CANCELLED) from None
