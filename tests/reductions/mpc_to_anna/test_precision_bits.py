"""Fewer bits: a compiled transformer runs on those it declares, and the fewest are measured."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.protocols import MANY_ROUNDS, PROTOCOLS
from mpc_sim import fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.stages.columnsort import columnsort
from reductions.certify.run import How, certify
from reductions.cli import main
from reductions.mpc_to_anna.codes import message_code
from reductions.mpc_to_anna.codes.code import rounded
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.precision import fewest_bits, run_on_bits
from reductions.registry import solver

CODES = ["syndrome", "disjunct", "repetition"]


def nearest(value: float, bits: int) -> Fraction:
    """Half to even at so many leading digits, in rational arithmetic."""
    exact = Fraction(value)
    if exact == 0:
        return exact
    exponent = 0
    while abs(exact) >= Fraction(2) ** exponent:
        exponent += 1
    while abs(exact) < Fraction(2) ** (exponent - 1):
        exponent -= 1
    step = Fraction(2) ** (exponent - bits)
    return round(exact / step) * step


@given(
    st.floats(-(2.0**60), 2.0**60, allow_subnormal=False).filter(
        lambda x: x == 0 or abs(x) > 1e-200
    ),
    st.integers(1, 60),
)
def test_rounding_is_the_definition(value: float, bits: int) -> None:
    assert Fraction(float(rounded(np.array([value]), bits)[0])) == nearest(value, min(bits, 53))


@settings(max_examples=150, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", CODES)
def test_the_declared_bits_give_every_average_back(name: str, data: st.DataObject) -> None:
    """From the averages of at most b messages, cut to the bits that the code declares."""
    b = data.draw(st.integers(1, 7), label="b")
    word_bits = data.draw(st.sampled_from([1, 8, 20, 31]), label="word_bits")
    code = message_code(name, b, 2, word_bits, 12, seed=3)
    n = data.draw(st.integers(1, b), label="n")
    sources = data.draw(
        st.lists(st.integers(0, 11), min_size=n, max_size=n, unique=True), label="sources"
    )
    words = data.draw(
        st.lists(st.tuples(*[st.integers(0, 2**word_bits - 1)] * 2), min_size=n, max_size=n),
        label="words",
    )
    codewords = code.encode(np.array(sources), np.array(words, np.int64))
    mean = codewords.sum(axis=0, keepdims=True) / n
    restored = code.restore(rounded(mean, code.precision_bits), code.precision_bits)
    if name == "repetition" and not decodes(code, mean):
        return  # within its failure: no row to itself
    assert np.array_equal(restored, mean)


def decodes(code: object, mean: object) -> bool:
    from reductions.mpc_to_anna.codes import CodeOverload

    try:
        code.decode(mean)  # type: ignore[attr-defined]
    except CodeOverload:
        return False
    return True


@pytest.mark.parametrize("name", CODES)
def test_a_bit_less_than_half_loses_averages(name: str) -> None:
    """The canary: on half the bits another average is put back, or none."""
    code = message_code(name, 5, 1, 20, 12, seed=3)
    source = np.arange(5)
    mean = code.encode(source, np.arange(5)[:, None] + 2**19).sum(axis=0, keepdims=True) / 5
    bits = code.precision_bits // 2
    assert not np.array_equal(code.restore(rounded(mean, bits), bits), mean)


def compiled(
    name: str, n: int, options: CompilerOptions | None = None
) -> tuple[CompiledProtocol, np.ndarray]:
    algorithm = solver(name)
    taken = algorithm.instance(n, 0)
    keywords = (options or CompilerOptions()).keywords
    cluster = algorithm.cluster(taken)
    return (
        compile_protocol(algorithm.protocol_for(taken), cluster, **keywords),
        algorithm.words(taken),
    )


@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize("code", CODES)
def test_declared_bits_suffice_and_the_fewest_are_the_fewest(code: str, attention: str) -> None:
    transformer, words = compiled("columnsort", 40, CompilerOptions(code, attention=attention))
    expected = transformer.run(words)
    declared = transformer.resources().precision_bits
    assert np.array_equal(run_on_bits(transformer, words, declared), expected)
    fewest = fewest_bits(transformer, words)
    assert fewest <= declared
    assert np.array_equal(run_on_bits(transformer, words, fewest), expected)
    assert not stays(transformer, words, fewest - 1, expected)


def stays(transformer: CompiledProtocol, words: np.ndarray, bits: int, expected: object) -> bool:
    try:
        with np.errstate(all="ignore"):
            return np.array_equal(run_on_bits(transformer, words, bits), expected)
    except Exception:
        return False


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in MANY_ROUNDS else [])
        for name in PROTOCOLS
    ],
)
def test_every_algorithm_runs_on_the_bits_that_it_declares(name: str) -> None:
    transformer, words = compiled(name, 12)
    declared = transformer.resources().precision_bits
    assert np.array_equal(run_on_bits(transformer, words, declared), transformer.run(words))


def test_fewest_bits_lie_within_four_of_the_bound_somewhere() -> None:
    """The slack is printed; a letter and few hops need almost all that is declared."""
    rng = np.random.default_rng(0)
    slacks = []
    for n in (16, 64, 200):
        words = rng.integers(1, 5, n)
        cluster = fit_cluster(k_hop(3), n, "2/3", largest_word=4)
        transformer = compile_protocol(k_hop(3), cluster)
        slacks.append(transformer.resources().precision_bits / fewest_bits(transformer, words))
    print("slack of precision", [round(slack, 2) for slack in slacks])
    assert min(slacks) <= 4


def test_a_transformer_that_declares_too_few_bits_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transformer, words = compiled("columnsort", 40)
    resources = transformer.resources()
    monkeypatch.setattr(
        CompiledProtocol, "resources", lambda self: replace(resources, precision_bits=8)
    )
    with pytest.raises(ArithmeticError, match="8 bits declared"):
        fewest_bits(transformer, words)


def test_no_bits_are_refused() -> None:
    transformer, words = compiled("columnsort", 8)
    with pytest.raises(ValueError, match="at least 1"):
        run_on_bits(transformer, words, 0)


def test_certify_measures_precision_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    algorithm = solver("columnsort")
    words = algorithm.instance(40, 0)
    cluster = algorithm.cluster(words)
    plain = certify(algorithm, words, How(cluster=cluster))["precision_bits"].measured
    row = certify(algorithm, words, How(cluster=cluster, precision=True))["precision_bits"]
    transformer = compile_protocol(columnsort(), cluster)
    assert row.measured == fewest_bits(transformer, words) < plain
    assert row.status == "PASS"
    assert main(["certify", "k-hop", "--n", "12", "--k", "1", "--precision"]) == 0
    assert "PASS" in capsys.readouterr().out
