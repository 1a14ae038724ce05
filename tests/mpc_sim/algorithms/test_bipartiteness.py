"""Two-colouring: networkx, named, hard and any graphs, loops, failures, bounds, canaries."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.contraction import EPSILONS, measured, named_graphs, run
from mpc_sim import Cluster, InputError, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.bipartiteness import bipartiteness
from mpc_sim.cluster import failure_word
from mpc_sim.inputs.graphs import Graph, GraphShape
from reductions.certify import certify
from reductions.problems.bipartiteness import BIPARTITENESS


def colours(plain: nx.Graph) -> list[int]:
    """By networkx, component by component."""
    found = [2] * len(plain)
    for component in nx.connected_components(plain):
        part = plain.subgraph(component)
        if nx.is_bipartite(part):
            sides = nx.bipartite.color(part)
            for vertex in component:
                found[vertex] = int(sides[vertex] != sides[min(component)])
    return found


def compare(graph: Graph, epsilon: str) -> None:
    _, output = run(BIPARTITENESS, graph, epsilon)
    assert output[: graph.n_vertices].tolist() == colours(graph.to_networkx())
    assert not output[graph.n_vertices :].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", named_graphs())
def test_named_graphs(name: str) -> None:
    graph = named_graphs()[name]
    compare(graph, EPSILONS[graph.n_edges % 2])


@pytest.mark.parametrize("name", BIPARTITENESS.hard)
def test_hard_graphs(name: str) -> None:
    compare(BIPARTITENESS.hard[name](14), EPSILONS[len(name) % 2])


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_any_graph(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 20))
    ends = st.integers(0, n - 1)
    graph = Graph.of(n, data.draw(st.lists(st.tuples(ends, ends), max_size=25)))
    compare(graph, data.draw(st.sampled_from(EPSILONS)))


@pytest.mark.slow
@pytest.mark.parametrize("length", [200, 201])
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_long_cycles_in_any_order(length: int, epsilon: str) -> None:
    order = np.random.default_rng(length).permutation(length)
    compare(Graph(length, np.stack([order, np.roll(order, 1)], axis=1)), epsilon)


@pytest.mark.slow
def test_bounds_where_memory_is_scarce() -> None:
    """They hold where s <= N / 8, and are at most 4 times what was measured."""
    graph = BIPARTITENESS.instance(8000, 1)
    sim, _ = run(BIPARTITENESS, graph, "1/2")
    assert 8 * sim.cluster.memory_words <= sim.cluster.n_words
    used = measured(sim.ledger)
    for bound in BIPARTITENESS.bounds_of(sim.cluster, graph):
        assert used[bound.quantity] <= bound.value <= 4 * used[bound.quantity], bound.quantity


CLUSTER = Cluster(n_words=12, memory_words=120, n_machines=3, block_words=4, word_bits=9)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([0, 1, 1, 0, 2, 3, 3, 2], [0, 1, 0, 1]),
        ([0, 0, 0, 1, 2, 3, 3, 2], [2, 2, 0, 1]),
        ([0, 1, 1, 2, 2, 0, 3, 3], [2, 2, 2, 2]),
        ([3, 1, 1, 2, 2, 0, 0, 3], [0, 0, 1, 1]),
    ],
)
def test_a_loop_is_an_odd_cycle_and_a_double_edge_an_even_one(
    edges: list[int], expected: list[int]
) -> None:
    """Words of a file may hold them, a Graph may not."""
    output = Simulation(bipartiteness(GraphShape(4, 4)), CLUSTER, [0, 1, 2, 3, *edges]).run()
    assert output.tolist() == expected + [0] * 8


def test_never_wrong() -> None:
    """With too few phases for most seeds an output is right or a failure."""
    graph, failed = BIPARTITENESS.hard["odd cycle"](5), 0
    cluster = BIPARTITENESS.cluster(graph, "2/3")
    for seed in range(8):
        protocol = bipartiteness(graph.shape, seed=seed, phases=5 * (seed > 0))
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        failed += BIPARTITENESS.has_failed(output, cluster)
        assert set(output.tolist()) == {failure_word(cluster)} or set(output[:5].tolist()) == {2}
    assert 0 < failed < 8


def test_canary_bounds() -> None:
    graph = BIPARTITENESS.instance(20, 0)
    sim, _ = run(BIPARTITENESS, graph, "1/2")
    bounds = {bound.quantity: bound for bound in BIPARTITENESS.bounds_of(sim.cluster, graph)}
    assert bounds["rounds"].check(sim.ledger.n_rounds - 1).status == "FAIL"
    for name in ("local_memory", "sent_words", "received_words", "machines"):
        assert bounds[name].check(bounds[name].value + 1).status == "FAIL"


@pytest.mark.parametrize("graph", [BIPARTITENESS.instance(10, 1), Graph.of(3, [])], ids=str)
def test_local(graph: Graph) -> None:
    protocol = BIPARTITENESS.protocol(graph.shape, phases=2)
    assert_local(protocol, BIPARTITENESS.cluster(graph, "2/3"), graph.words, n_batches=2)


@pytest.mark.slow
def test_compiled() -> None:
    certificate = certify(BIPARTITENESS, Graph.of(3, [(2, 0)]))
    assert certificate.ok
    assert certificate.outputs["transformer"].tolist() == [0, 0, 1, 0, 0]


def test_refusals() -> None:
    with pytest.raises(InputError, match="bipartiteness takes no weights"):
        bipartiteness(GraphShape(4, 3, is_weighted=True))
    with pytest.raises(InputError, match="seed = -1"):
        bipartiteness(GraphShape(4, 3), seed=-1)
    protocol = bipartiteness(GraphShape(4, 4))
    with pytest.raises(ShapeError, match="N = 12 words; a graph of 4 vertices and 3 edges has 10"):
        bipartiteness(GraphShape(4, 3)).check(CLUSTER)
    with pytest.raises(InputError, match=r"edge 2 has the end 5; vertices are 0 \.\. 3"):
        Simulation(protocol, CLUSTER, [0, 1, 2, 3, 0, 1, 1, 2, 0, 5, 2, 3]).run()
