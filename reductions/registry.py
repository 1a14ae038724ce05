"""Everything that the project offers, in one list that commands, tests and tables iterate over.

Light on purpose: entries hold strings, and ``load`` imports what they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Family = Literal["task", "algorithm", "mechanism", "code", "reduction"]


@dataclass(frozen=True)
class Entry:
    """One thing that the project offers.

    Parameters
    ----------
    family : str
        task, algorithm, mechanism, code or reduction.
    name : str
        Its identifier.
    statement : str
        What is claimed, in one line.
    source : str
        Where it is proved.
    home : str
        ``module:attribute``.

    Examples
    --------
    >>> find("algorithm", "columnsort").load().name
    'columnsort'
    """

    family: Family
    name: str
    statement: str
    source: str
    home: str

    def load(self) -> Any:
        """Import the object that the entry names."""
        module, attribute = self.home.split(":")
        return getattr(import_module(module), attribute)


ENTRIES = (
    Entry(
        "task",
        "k-hop",
        "the letter k hops back: 4^d + 3 + bit_length(k) rounds, compiled to one layer more",
        "Sanford, Hsu, Telgarsky, arXiv 2402.09268; Theorem 4.1 of arXiv 2509.09001",
        "reductions.tasks.k_hop:certify_k_hop",
    ),
    Entry(
        "task",
        "match2",
        "is there j with x_i + x_j = 0 mod M: one layer, one head, width 1",
        "Liu et al., arXiv 2509.09001",
        "reductions.tasks.match2:certify_match2",
    ),
    Entry(
        "algorithm",
        "broadcast",
        "the first word reaches every machine: a tree of arity s",
        "trees: Goodrich, Sitchinava, Zhang, arXiv 1101.1902",
        "reductions.algorithms.broadcast:BROADCAST",
    ),
    Entry(
        "algorithm",
        "converge_cast",
        "the sum of all words reaches machine 0: a tree of arity s",
        "trees: Goodrich, Sitchinava, Zhang, arXiv 1101.1902",
        "reductions.algorithms.converge_cast:CONVERGE_CAST",
    ),
    Entry(
        "algorithm",
        "aggregate",
        "every machine learns the sum of all words",
        "trees: Goodrich, Sitchinava, Zhang, arXiv 1101.1902",
        "reductions.algorithms.aggregate:AGGREGATE",
    ),
    Entry(
        "algorithm",
        "prefix_sum",
        "inclusive prefixes of any associative operation, up and down a tree",
        "trees: Goodrich, Sitchinava, Zhang, arXiv 1101.1902",
        "reductions.algorithms.prefix_sum:PREFIX_SUM",
    ),
    Entry(
        "algorithm",
        "columnsort",
        "N words sorted in 1 + 4^d rounds, deterministic and oblivious",
        "Leighton 1985, recursive on columns",
        "reductions.algorithms.columnsort:COLUMNSORT",
    ),
    Entry(
        "algorithm",
        "sample_sort",
        "N words sorted by random splitters in O(1/epsilon) rounds, with high probability",
        "Goodrich, Sitchinava, Zhang, arXiv 1101.1902",
        "reductions.algorithms.sample_sort:SAMPLE_SORT",
    ),
    Entry(
        "algorithm",
        "multi_search",
        "the largest key that is at most a query, for all queries at once",
        "sort and scan: arXiv 1101.1902",
        "reductions.algorithms.multi_search:MULTI_SEARCH",
    ),
    Entry(
        "algorithm",
        "remove_duplicates",
        "the distinct words in increasing order",
        "sort and scan: arXiv 1101.1902",
        "reductions.algorithms.remove_duplicates:REMOVE_DUPLICATES",
    ),
    Entry(
        "algorithm",
        "reduce_by_key",
        "the values of every key reduced",
        "sort and scan: arXiv 1101.1902",
        "reductions.algorithms.reduce_by_key:REDUCE_BY_KEY",
    ),
    Entry(
        "algorithm",
        "equi_join",
        "pairs of rows with equal keys, one of them heavy, the output counted in N",
        "sort and scan: arXiv 1101.1902",
        "reductions.algorithms.equi_join:EQUI_JOIN",
    ),
    Entry(
        "algorithm",
        "boolean_circuit",
        "a circuit of depth d evaluated level by level, fan-out by join",
        "concurrent reads by sort and scan: arXiv 1101.1902",
        "reductions.algorithms.boolean_circuit:BOOLEAN_CIRCUIT",
    ),
    Entry(
        "algorithm",
        "list_ranking",
        "the distance of every node of a list to its end, by pointer jumping",
        "Wyllie 1979",
        "reductions.algorithms.list_ranking:LIST_RANKING",
    ),
    Entry(
        "algorithm",
        "k_hop",
        "k hops in 4^d + 3 + bit_length(k) rounds, 5 words a token",
        "arXiv 2402.09268; one round per bit instead of two",
        "reductions.algorithms.k_hop:K_HOP",
    ),
    Entry(
        "algorithm",
        "connectivity",
        "the smallest vertex of every component, by random-mate contraction in O(log n) phases",
        "random mate: Reif 1985; phases on sorted half-edges: arXiv 1101.1902",
        "reductions.algorithms.connectivity:CONNECTIVITY",
    ),
    Entry(
        "algorithm",
        "connectivity_log_diameter",
        "connected components in rounds that follow the logarithm of the diameter",
        "Andoni, Song, Stein, Wang, Zhong, FOCS 2018",
        "reductions.algorithms.connectivity_log_diameter:CONNECTIVITY_LOG_DIAMETER",
    ),
    Entry(
        "algorithm",
        "spanning_forest",
        "a spanning forest, the edges by which random mates join, in O(log n) phases",
        "random mates: Reif 1985; Karloff, Suri, Vassilvitskii 2010",
        "reductions.algorithms.spanning_forest:SPANNING_FOREST",
    ),
    Entry(
        "algorithm",
        "minimum_spanning_forest",
        "the minimum spanning forest by Boruvka's rule with random mates, in O(log n) phases",
        "Boruvka 1926; random mates: Reif 1985",
        "reductions.algorithms.minimum_spanning_forest:MINIMUM_SPANNING_FOREST",
    ),
    Entry(
        "algorithm",
        "cycle_counting",
        "the number of cycles of a graph in which every vertex has degree 2",
        "1-vs-2-cycle: Roughgarden, Vassilvitskii, Wang 2018; random mates: Reif 1985",
        "reductions.algorithms.cycle_counting:CYCLE_COUNTING",
    ),
    Entry(
        "algorithm",
        "minimum_spanning_forest_filtering",
        "the minimum spanning forest of a dense graph by filtering, s = c_s n^(1 + mu)",
        "Lattanzi, Moseley, Suri, Vassilvitskii 2011",
        "reductions.algorithms.minimum_spanning_forest_filtering:MINIMUM_SPANNING_FOREST_FILTERING",
    ),
    Entry(
        "algorithm",
        "maximal_matching",
        "a maximal matching of a dense graph by filtering, s = c_s n^(1 + mu)",
        "Lattanzi, Moseley, Suri, Vassilvitskii 2011",
        "reductions.algorithms.maximal_matching:MAXIMAL_MATCHING",
    ),
    Entry(
        "algorithm",
        "maximal_independent_set",
        "a maximal independent set by random priorities in O(log n) phases",
        "Luby 1986; Metivier, Robson, Saheb-Djahromi, Zemmari 2011",
        "reductions.algorithms.maximal_independent_set:MAXIMAL_INDEPENDENT_SET",
    ),
    Entry(
        "algorithm",
        "triangle_count",
        "the number of triangles, by wedges from lower to higher degree",
        "Suri, Vassilvitskii 2011",
        "reductions.algorithms.triangle_count:TRIANGLE_COUNT",
    ),
    Entry(
        "algorithm",
        "three_sum",
        "whether three of N numbers sum to zero, in constant rounds on O(N) machines",
        "arXiv 2509.09001; the sort: Leighton 1985",
        "reductions.algorithms.three_sum:THREE_SUM",
    ),
    Entry(
        "algorithm",
        "matrix_product",
        "the product of two square matrices modulo a prime, by blocks on a cube of machines",
        "three-dimensional scheme: Irony, Toledo, Tiskin 2004",
        "reductions.algorithms.matrix_product:MATRIX_PRODUCT",
    ),
    Entry(
        "mechanism",
        "exact-match",
        "the mean of the values whose key equals the query, zero where none does; O(N)",
        "Definition B.1 of arXiv 2509.09001",
        "anna_model.mechanisms.exact_match:ExactMatch",
    ),
    Entry(
        "mechanism",
        "anna",
        "the mean over all collisions in l tables of z locality-sensitive hashes",
        "Definition 3.1, Algorithms 1 and 2, Theorem 3.4 of arXiv 2509.09001",
        "anna_model.mechanisms.anna:Anna",
    ),
    Entry(
        "mechanism",
        "softmax",
        "weights exp(beta <q, k>), normalised; exact, in blocks of queries",
        "Vaswani et al. 2017",
        "anna_model.mechanisms.softmax:Softmax",
    ),
    Entry(
        "mechanism",
        "low-rank",
        "weights <phi(q), phi(k)>: raw, elu + 1 or positive random features; linear time",
        "Definition 4.3 of arXiv 2509.09001; arXiv 2006.16236, arXiv 2009.14794",
        "anna_model.mechanisms.low_rank:LowRank",
    ),
    Entry(
        "mechanism",
        "reformer",
        "softmax inside chunks of rows sorted by hash code, shared queries and keys",
        "Definition E.1 of arXiv 2509.09001; arXiv 2001.04451",
        "anna_model.mechanisms.reformer:Reformer",
    ),
    Entry(
        "mechanism",
        "sparse-low-rank",
        "exact weights for near pairs, random features for the others, normalised together",
        "arXiv 2310.05869 (HyperAttention), arXiv 2302.02451 (KDEformer)",
        "anna_model.mechanisms.sparse_low_rank:SparseLowRank",
    ),
    Entry(
        "code",
        "syndrome",
        "the average of at most b messages of w words determines them; width b (w + 1) + 2",
        "in place of Lemma B.4 of arXiv 2509.09001; syndrome decoding, Massey 1969",
        "reductions.codes.syndrome:SyndromeCode",
    ),
    Entry(
        "code",
        "disjunct",
        "a packet on the graph of a polynomial; any b messages are decoded, other averages raise",
        "Kautz and Singleton 1964; packets after Lemma B.4 of arXiv 2509.09001",
        "reductions.codes.disjunct:DisjunctCode",
    ),
    Entry(
        "code",
        "repetition",
        "a packet in a random sparse set of rows; any b messages are decoded with probability "
        "1 - delta over the seed, else it raises",
        "Lemma B.4 of arXiv 2509.09001, after Lemma 3.2 of arXiv 2402.09268",
        "reductions.codes.repetition:RepetitionCode",
    ),
    Entry(
        "reduction",
        "mpc-to-anna",
        "any R-round protocol becomes a transformer of exactly R + 1 layers",
        "Theorem 4.1 of arXiv 2509.09001",
        "reductions.mpc_to_anna:compile_protocol",
    ),
    Entry(
        "reduction",
        "fan-out",
        "any protocol with at most d partners a machine and round: 2 L rounds a round, "
        "(d + 1)^L >= P",
        "Lemma B.12 of arXiv 2509.09001; Proposition 24 of arXiv 2405.18512",
        "reductions.fan_out:bounded_fan_out",
    ),
)


def find(family: Family, name: str) -> Entry:
    """Return an entry by family and name.

    Raises
    ------
    KeyError
        Naming what there is.

    Examples
    --------
    >>> find("task", "k-hop").source.split(",")[0]
    'Sanford'
    """
    names = []
    for entry in ENTRIES:
        if entry.family == family:
            if entry.name == name:
                return entry
            names.append(entry.name)
    raise KeyError(f"no {family} {name!r}; there are {', '.join(names)}")


def names(family: Family) -> tuple[str, ...]:
    """Return the names of a family, in order.

    Examples
    --------
    >>> names("task")
    ('k-hop', 'match2')
    """
    return tuple(entry.name for entry in ENTRIES if entry.family == family)
