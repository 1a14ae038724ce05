"""``anna-mpc attention MECHANISM``: run one head, check it against its definition, time it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anna_model.mechanisms import (
    AngularCodes,
    Anna,
    EluPlusOne,
    ExactMatch,
    LowRank,
    Mechanism,
    PositiveRandomFeatures,
    Raw,
    Reformer,
    Softmax,
    SparseLowRank,
)
from anna_model.mechanisms.anna_definition import violations
from mpc_sim.saving.whole_file import replacing
from reductions.certify.host_memory import available_bytes
from reductions.certify.versions import versions
from reductions.choice import Choice
from reductions.commands.hash_families import HashFamily, family_of, own_law
from reductions.commands.own_objects import is_own, load_own, named_or_own
from reductions.commands.tables import COLOURS, open_console
from reductions.commands.usage import UsageError
from reductions.commands.values import size
from reductions.experiments.attention_inputs import Clusters, HeadFileError, Matrix, read_matrix

SCHEMA = "anna-mpc/attention/1"
MOST_CHECKED = 4096
SEEDED: Mapping[str, Any] = {"n": 1024, "width": 64, "clusters": 32, "spread": 0.1}
"""Options of a seeded head, and their defaults."""
BYTES_A_NUMBER = 8


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "mechanism",
        type=named_or_own(Head),
        metavar="MECHANISM",
        help=f"{', '.join(Head)}, or module:name of a mechanism of your own",
    )
    command.add_argument("--n", type=size, help="queries and keys of the seeded input (1024)")
    command.add_argument("--width", type=size, help="width of queries, keys and values (64)")
    command.add_argument("--clusters", type=size, help="clusters of the input (32)")
    command.add_argument("--spread", type=float, help="noise around a centre (0.1)")
    for part in ("queries", "keys", "values"):
        command.add_argument(f"--{part}", metavar="FILE", help="matrix as .npy, one row per token")
    command.add_argument("--seed", type=size, default=0, help="of input and mechanism (0)")
    command.add_argument("--beta", type=float, default=1.0, help="multiplies inner products (1)")
    command.add_argument("--causal", action="store_true", help="query i sees the keys up to i")
    command.add_argument("--float32", action="store_true", help="compute in float32")
    command.add_argument(
        "--family",
        type=named_or_own(HashFamily),
        default=HashFamily.CROSS_POLYTOPE,
        metavar="FAMILY",
        help=f"of the hash functions of anna: {', '.join(HashFamily)} (cross-polytope), or "
        "module:name of a family of your own",
    )
    command.add_argument("--tables", type=size, default=8, help="l, tables of anna (8)")
    command.add_argument("--hashes", type=size, default=1, help="z, hashes of a table (1)")
    command.add_argument("--cell", type=float, default=1.0, help="cell width of p-stable (1)")
    command.add_argument("--algorithm", type=int, choices=(1, 2), default=1, help="of anna (1)")
    command.add_argument(
        "--distance", type=float, metavar="R", help="check the definition of ANNA: near is within R"
    )
    command.add_argument("--ratio", type=float, default=2.0, help="far is beyond ratio * R (2)")
    command.add_argument("--features", type=size, default=64, help="random features (64)")
    command.add_argument("--codes", type=size, default=16, help="hash codes to sort by, even (16)")
    command.add_argument("--chunk", type=size, default=64, help="rows of a sorted chunk (64)")
    command.add_argument("--rounds", type=size, default=1, help="rounds of Reformer (1)")
    command.add_argument("--repeats", type=size, default=5, help="timed runs (5)")
    command.add_argument("--out", metavar="FILE", help="write the output as .npy")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Attend once to warm up and several times for the median; 0 unless the check fails."""
    if options.repeats < 1:
        raise UsageError("--repeats 0: run the mechanism at least once")
    try:
        kind = (
            _own(options.mechanism) if is_own(options.mechanism) else Head(options.mechanism).made
        )
        Q, K, V = _head(kind, options)
        mechanism = kind.build(options, np.atleast_2d(np.transpose(Q)).shape[0])
        values, unmatched, seconds = _timed(mechanism, (Q, K, V), options.repeats)
        checks = _checks(mechanism, Q, K, V, values) + _constraints(mechanism, Q, K, options)
        width = np.atleast_2d(np.transpose(Q)).shape[0]
        checks += [
            _check("law", off, 0.0, source)
            for off, source in own_law(mechanism, width, options.seed)
        ]
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None
    if options.out:
        _save(options.out, values)
    report = {
        "schema": SCHEMA,
        "ok": all(check["status"] != "FAIL" for check in checks),
        "mechanism": options.mechanism,
        "parameters": {
            "n": len(values),
            "query_width": 1 if np.ndim(Q) == 1 else int(np.shape(Q)[1]),
            "value_width": int(np.shape(V)[1]),
            "dtype": values.dtype.name,
            "seed": options.seed,
            "description": str(mechanism),
        },
        "seconds": seconds,
        "microseconds_a_token": 1e6 * seconds / max(1, len(values)),
        "unmatched": int(unmatched.sum()),
        "statistics": mechanism.bucket_statistics(Q, K),
        "versions": versions(),
        "checks": checks,
    }
    if options.json:
        print(json.dumps(report))
    else:
        _print(report)
    return 0 if report["ok"] else 1


def _head(kind: Kind, options: argparse.Namespace) -> tuple[Matrix, Matrix, Matrix]:
    files = (options.queries, options.keys, options.values)
    if any(files):
        if not all(files):
            raise HeadFileError("give all of --queries, --keys and --values, or none of them")
        if given := [name for name in SEEDED if getattr(options, name) is not None]:
            raise HeadFileError(f"--{given[0]} is for seeded inputs; leave it out with files")
        Q, K, V = (read_matrix(file) for file in files)
        V = V[:, None] if V.ndim == 1 else V
    else:
        chosen = {name: getattr(options, name) for name in SEEDED}
        n, width, n_clusters, spread = (
            usual if chosen[name] is None else chosen[name] for name, usual in SEEDED.items()
        )
        if n < 1 or width < 1 or n_clusters < 1:
            raise HeadFileError("--n, --width and --clusters are at least 1")
        if not 0 <= spread < np.inf:
            raise HeadFileError(f"--spread {spread}: choose it finite and at least 0")
        _refuse_sizes((n_clusters + 5 * n) * width + kind.drawn(options, n, width))
        clusters = Clusters(n, width, n_clusters, spread, integers=kind.compares, seed=options.seed)
        Q, K, V = clusters.draw()
        K = Q if kind.is_shared else K
    if kind.compares:
        V = V.astype(np.float64)
    elif options.float32:
        Q, K, V = (part.astype(np.float32) for part in (Q, K, V))
    return Q, K, V


def _refuse_sizes(numbers: int) -> None:
    """Refuse, before allocating, a seeded head or hash functions that cannot fit this machine."""
    available = available_bytes()
    if BYTES_A_NUMBER * numbers > available:
        raise HeadFileError(
            f"this head needs about {BYTES_A_NUMBER * numbers / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose smaller sizes"
        )


def _timed(
    mechanism: Mechanism, head: tuple[Matrix, Matrix, Matrix], repeats: int
) -> tuple[Matrix, Matrix, float]:
    values, unmatched = mechanism.apply(*head)
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        values, unmatched = mechanism.apply(*head)
        taken.append(time.perf_counter() - begin)
    return values, unmatched, float(np.median(taken))


def _checks(
    mechanism: Mechanism, Q: Matrix, K: Matrix, V: Matrix, values: Matrix
) -> list[dict[str, Any]]:
    """Compare with weights @ V, if the matrix of weights is small enough to be written out.

    A rounded operation has a relative error of at most eps. A weight comes from an inner product of
    m_qk terms of magnitude at most L = max |q| max |k| and an exponential of it, and stands in sums
    of at most N terms, so |apply - weights @ V| is at most about (2 N + (m_qk + 2) (1 + L)) eps
    times max |weights| @ |V|; twice that is allowed, for features and normalisation.
    """
    source = "sums of rounded numbers; see the module"
    if max(len(values), len(K)) > MOST_CHECKED:
        return [_check("output-definition", None, None, f"N > {MOST_CHECKED}: not written out")]
    weights = mechanism.weights(Q, K)
    queries, keys = (np.asarray(rows, np.float64).reshape(len(rows), -1) for rows in (Q, K))
    largest = max(float(np.linalg.norm(rows, axis=1).max(initial=0)) for rows in (queries, keys))
    beta = max(1.0, abs(getattr(mechanism, "beta", 1.0)))
    terms = 2 * (2 * len(K) + (queries.shape[1] + 2) * (1 + beta * largest**2))
    scale = float((np.abs(weights) @ np.abs(np.asarray(V, np.float64))).max(initial=0))
    bound = terms * float(np.finfo(values.dtype).eps) * scale
    off = float(np.abs(values - weights @ V).max(initial=0))
    return [_check("output-definition", off, bound, source)]


def _constraints(
    mechanism: Mechanism, Q: Matrix, K: Matrix, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Count what violates the definition of ANNA for (r, c, l), if a distance was given."""
    if options.distance is None:
        return []
    if not (0 <= options.distance < np.inf and 1 <= options.ratio < np.inf):
        raise HeadFileError("--distance is at least 0 and --ratio at least 1, both finite")
    source = "Definition 3.1 of arXiv 2509.09001"
    names = ("far-pairs", "light-pairs", "sums")
    if max(len(Q), len(K)) > MOST_CHECKED:
        return [_check(name, None, None, f"N > {MOST_CHECKED}: not written out") for name in names]
    rows = [np.asarray(part, np.float64).reshape(len(part), -1) for part in (Q, K)]
    found = violations(
        mechanism.weights(Q, K), *rows, r=options.distance, c=options.ratio, tables=options.tables
    )
    counts = (len(found.far), len(found.light), len(found.sums))
    return [_check(name, count, 0, source) for name, count in zip(names, counts, strict=True)]


def _own(name: str) -> Kind:
    """Return how a head of a mechanism of the user's own is made."""

    def build(options: argparse.Namespace, width: int) -> Mechanism:
        causal = {"causal": True} if options.causal else {}
        made: Mechanism = load_own(name, "mechanism", _is_mechanism, **causal)
        if made.causal != options.causal:
            raise UsageError(f"{name} has causal = {made.causal}: give --causal where it has")
        return made

    return Kind(build)


def _is_mechanism(found: Any) -> bool:
    return isinstance(found, Mechanism)


def _check(name: str, measured: float | None, bound: float | None, source: str) -> dict[str, Any]:
    status = "UNVERIFIED"
    if measured is not None and bound is not None:
        status = "PASS" if measured <= bound else "FAIL"
    return {
        "name": name,
        "measured": measured,
        "bound": bound,
        "kind": "upper",
        "source": source,
        "status": status,
    }


def _print(report: Mapping[str, Any]) -> None:
    console = open_console()
    listed = ", ".join(
        f"{name} = {value}" for name, value in report["parameters"].items() if name != "description"
    )
    console.print(f"[bold]{report['mechanism']}[/bold]: {listed}", soft_wrap=True)
    console.print(report["parameters"]["description"], soft_wrap=True, markup=False)
    console.print(
        f"{1e3 * report['seconds']:.2f} ms, {report['microseconds_a_token']:.3f} us a token; "
        f"{report['unmatched']} queries without a match"
    )
    for name, value in report["statistics"].items():
        console.print(f"{name.replace('_', ' ')}: {value:g}")
    for check in report["checks"]:
        status = f"[{COLOURS[check['status']]}]{check['status']}[/]"
        text = f"{check['measured']} violations"
        if check["measured"] is None:
            text = check["source"]
        elif check["name"] == "output-definition":
            text = f"off by {check['measured']:.2e}, at most {check['bound']:.2e} may be rounding"
        console.print(f"{status} {check['name']}: {text}")


def _save(name: str, values: Matrix) -> None:
    try:
        with replacing(name) as file:
            np.save(file, values)
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def _codes(options: argparse.Namespace, width: int, rounds: int) -> AngularCodes:
    return AngularCodes(width, options.codes, rounds=rounds, seed=options.seed)


def _features(options: argparse.Namespace, width: int) -> PositiveRandomFeatures:
    return PositiveRandomFeatures(width, options.features, options.beta, seed=options.seed)


def _anna(options: argparse.Namespace) -> Mechanism:
    return Anna(
        family_of(options.family, options.cell),
        options.hashes,
        options.tables,
        options.seed,
        algorithm=options.algorithm,
        causal=options.causal,
    )


def _sparse_low_rank(options: argparse.Namespace, width: int) -> Mechanism:
    if options.causal:
        raise HeadFileError("sparse-low-rank has no causal form; leave --causal out")
    return SparseLowRank(_codes(options, width, 1), _features(options, width), options.chunk)


@dataclass(frozen=True)
class Kind:
    """How the command makes a head of a mechanism.

    Parameters
    ----------
    build : callable
        (options, width) -> Mechanism.
    drawn : callable
        (options, n, width) -> numbers that are kept beside those of the head.
    compares : bool
        Whether queries and keys are only compared, so that they stay whole numbers.
    is_shared : bool
        Whether the queries are the keys as well.
    """

    build: Callable[[argparse.Namespace, int], Mechanism]
    drawn: Callable[[argparse.Namespace, int, int], int] = lambda options, n, width: 0
    compares: bool = False
    is_shared: bool = False


class Head(Choice):
    """The mechanisms that the command runs."""

    made: Kind

    SOFTMAX = "softmax", Kind(lambda options, _: Softmax(options.beta, causal=options.causal))
    EXACT_MATCH = (
        "exact-match",
        Kind(lambda options, _: ExactMatch(causal=options.causal), compares=True),
    )
    ANNA = (
        "anna",
        Kind(
            lambda options, _: _anna(options),
            lambda options, n, width: options.tables * (options.hashes * width + n),
        ),
    )
    LOW_RANK = (
        "low-rank",
        Kind(lambda options, _: LowRank(Raw(), normalised=False, causal=options.causal)),
    )
    ELU = "elu", Kind(lambda options, _: LowRank(EluPlusOne(), causal=options.causal))
    PERFORMER = (
        "performer",
        Kind(
            lambda options, width: LowRank(_features(options, width), causal=options.causal),
            lambda options, n, width: options.features * (width + 2 * n),
        ),
    )
    REFORMER = (
        "reformer",
        Kind(
            lambda options, width: Reformer(
                _codes(options, width, options.rounds),
                options.chunk,
                options.beta,
                causal=options.causal,
            ),
            lambda options, n, width: options.rounds * (options.codes * width // 2 + n),
            is_shared=True,
        ),
    )
    SPARSE_LOW_RANK = (
        "sparse-low-rank",
        Kind(
            _sparse_low_rank,
            lambda options, n, width: (
                options.codes * width // 2 + options.features * (width + 2 * n)
            ),
        ),
    )
