"""What a command says before a long run: about how long, and which options are faster."""

from __future__ import annotations

from mpc_sim import Cluster, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from reductions.certify.foretold import long_run
from reductions.mpc_to_anna.options import CompilerOptions


def shape(n: int) -> Cluster:
    return fit_cluster(k_hop(1024), n, "2/3", largest_word=4)


def test_an_hour_is_said_with_what_is_faster() -> None:
    said = long_run(k_hop(1024), shape(2**20), CompilerOptions())
    assert said is not None
    assert said.startswith("this takes about ")
    assert "minutes; with --tokens-per-machine 1 --head-order spread about " in said
    assert said.endswith("seconds")


def test_nothing_is_said_of_a_short_run_or_of_the_fastest() -> None:
    quick = CompilerOptions(tokens_per_machine=1, head_order="spread")
    assert long_run(k_hop(1024), shape(2**20), quick) is None
    assert long_run(k_hop(1024), shape(2**14), CompilerOptions()) is None
