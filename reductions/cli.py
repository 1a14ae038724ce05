"""The command ``anna-mpc``: a command lies in a file of its own, imported when it is named."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from reductions.commands.own_code import place, said
from reductions.commands.usage import UsageError

DESCRIPTION = (
    "Testbed for the theory of massively parallel computation and attention: simulate MPC "
    "protocols under their limits, compile them to transformers, certify every claim."
)


COMMANDS = {
    "certify": "run both sides of a theorem and compare them with an oracle and with their bounds",
    "simulate": "run an algorithm under the limits of the model",
    "sweep": "resources of an algorithm, or machines of attention, against N; depth against k",
    "list": "tasks, algorithms, mechanisms, codes, reductions",
    "attention": "run one head, check it against its definition, time it",
    "experiment": "run trained weights by hashing: figure 1 of the paper, and past it",
    "separations": "what each architecture can do, built and refuted as the table is made",
    "bench": "time against references in the same run",
    "warm-up": "compile all loops, which a machine does once, so that no command waits for it",
}
"""Name and summary of every command; ``reductions.commands.NAME`` has its arguments and its run."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


class _Command(_Parser):
    """The parser of one command, whose arguments are added when it is about to parse."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.get_default("run") is None:
            module = import_module(f"reductions.commands.{self.prog.split()[-1].replace('-', '_')}")
            module.arguments(self)
            if hasattr(module, "add_parameters"):
                module.add_parameters(self, args or [])
        return super().parse_known_args(args, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Returns
    -------
    int
        0 when nothing failed, 1 when a check failed, 2 for bad usage, a malformed file or an
        impossible size, 130 when interrupted.
    """
    _open_streams()
    try:
        options = parser().parse_args(arguments)
        for option in ("out", "ledger"):
            _refuse_place(getattr(options, option, None), option)
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except UsageError as error:
        _complain(str(error))
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except MemoryError as error:
        _complain(f"{str(error) or 'out of memory'}; choose smaller sizes")
        return 2
    except OSError as error:
        if _complain_of_own_code(error):
            return 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader left; what it read was right
            return 0
        _complain(f"cannot write the output: {error.strerror}")
        return 2
    except ImportError as error:
        if _complain_of_own_code(error):
            return 1
        _complain(str(error))
        return 2
    except Exception as error:
        if _complain_of_own_code(error):
            return 1
        raise


def _open_streams() -> None:
    """Write to nowhere where a stream is closed, and by its number what a stream cannot show."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - to the end
        elif getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="anna-mpc", description=DESCRIPTION)
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Command
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    return top


def _refuse_place(name: str | None, option: str) -> None:
    """Reject, before anything runs, a file that cannot be written."""
    if name is None:
        return
    if name == "-":
        raise UsageError(f"--{option} -: standard output holds the report; name a file")
    place = Path(name)
    if place.is_dir():
        raise UsageError(f"cannot write {name}: it is a folder; name a file in it")
    if not place.parent.is_dir():
        raise UsageError(f"cannot write {name}: there is no folder {place.parent}; make it first")


def _complain(message: str) -> None:
    """Print one line on standard error, over a progress line if there is one."""
    clear = "\r" + " " * 79 + "\r" if sys.stderr.isatty() else ""
    print(f"{clear}anna-mpc: {message}", file=sys.stderr)


def _complain_of_own_code(error: Exception) -> bool:
    """Say what went wrong in a protocol of the user's own, if that is where it went wrong."""
    if not place(error):
        return False
    _complain(said(error))
    return True


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"anna-mpc {version('anna-mpc')}")
        parser.exit()


if __name__ == "__main__":
    raise SystemExit(main())
