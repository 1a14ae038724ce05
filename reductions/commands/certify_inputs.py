"""What ``anna-mpc certify`` reads: inputs, options of the compiler, and what it rejects."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mpc_sim.inputs.instances import Letters
from reductions.commands.files import read_lines, read_text, refuse_size
from reductions.commands.usage import UsageError

if TYPE_CHECKING:
    from anna_model.lsh import Family
    from mpc_sim.records import Words
    from reductions.certify.certificate import Certificate
    from reductions.mpc_to_anna.options import CompilerOptions

    Write = Callable[[Words], str]

DEFAULT_N = 256
BYTES_A_TOKEN = 4096  # beside the values of the init layer: a row of block words for each token


def compiler_options(options: argparse.Namespace) -> CompilerOptions:
    """Read the options of the compiler."""
    from reductions.mpc_to_anna.options import CompilerOptions

    return CompilerOptions(
        options.code,
        options.heads,
        options.attention,
        options.failure,
        options.seed,
        options.fan_out,
        options.hashes,
        _family(options.family),
    )


def _family(name: str | None) -> Family | None:
    from anna_model.lsh import CrossPolytope, Hyperplane, PStable

    families: dict[str, Callable[[], Family]] = {
        "hyperplane": Hyperplane,
        "gaussian-cross-polytope": lambda: CrossPolytope("gaussian"),
        "p-stable": lambda: PStable(1.0),
    }
    return families[name]() if name else None


def there_and_back(
    options: argparse.Namespace, is_affordable: bool, certify: Callable[[bool], Certificate]
) -> Certificate:
    """Certify with the way back where it was asked for, or is affordable and not left out.

    What was not asked for and does not fit is left out, with a remark.
    """
    from reductions.certify.way_back import NoWayBack

    if options.back or (is_affordable and not options.no_back):
        try:
            return certify(True)
        except NoWayBack as error:
            if options.back:
                raise
            certificate = certify(False)
            return replace(certificate, remarks=(*certificate.remarks, str(error)))
    return certify(False)


def read_sequence(options: argparse.Namespace) -> Letters:
    """Read the letters that the options name, or draw them."""
    if options.graph is not None:
        raise UsageError(f"{options.task} takes a text: give --text FILE or --input FILE")
    if options.text is not None:
        text = read_text(options.text)
        return Letters.of(text.split() if options.words else text)
    if options.input is not None:
        lines = (line.strip() for line in read_lines(options.input))
        return Letters.of(line for line in lines if line)
    n = DEFAULT_N if options.n is None else options.n
    refuse_size(n, BYTES_A_TOKEN)
    return Letters.random(n, seed=options.seed)


def refuse_compiler_options(options: argparse.Namespace) -> None:
    """Refuse what says how a protocol is compiled, where none is.

    Raises
    ------
    UsageError
    """
    if options.precision:
        raise UsageError("--precision is for protocols; leave it out")
    if options.buckets:
        raise UsageError("--buckets is for protocols; leave it out")
    names = options.code, options.heads, options.attention
    numbers = options.family, options.hashes, options.fan_out
    if names != ("syndrome", "emission", "both") or numbers != (None, None, None):
        raise UsageError(
            "--code, --heads, --attention, --family, --hashes and --fan-out are for protocols; "
            "leave them out"
        )


def read_modulus(given: int | None, n: int) -> int:
    """Return the modulus that is given, or the default for n numbers."""
    from reductions.problems.words import default_modulus

    if given == 0:
        raise UsageError("--modulus 0: choose it at least 1")
    return default_modulus(n) if given is None else given


def with_seed(certificate: Certificate, options: argparse.Namespace) -> Certificate:
    """Note the seed of the input, where it was drawn."""
    drawn = options.text is None and options.input is None and options.graph is None
    assert isinstance(certificate.parameters, dict)
    certificate.parameters["seed"] = options.seed if drawn else None
    return certificate


def lettered(letters: tuple[str, ...]) -> Write:
    """Write output words one a line, in the alphabet of the input."""
    return lambda output: "".join(f"{letters[word]}\n" for word in output.tolist())
