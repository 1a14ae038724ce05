"""A problem: what is asked, inputs of every kind, and a judge that shares no code with a solver.

An instance is what a model is given: N words, and the parameters that the model was built for (the
modulus of Match2, the hops of k-hop). Its shape is all that a solver may know before: N, the
parameters, the largest word, and of a graph its vertices and edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from types import MappingProxyType
from typing import Any

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.inputs.instances import Letters
from mpc_sim.records import Words
from reductions.problems.exact import n_different, whole
from reductions.problems.layout import IN_ORDER, Layout
from reductions.problems.parameter import Parameter


@dataclass(frozen=True)
class Shape:
    """What is known of an instance before a model is built for it.

    Parameters
    ----------
    n_words : int
        N, the words of the input.
    largest_word : int
        No word is larger.
    parameters : mapping of str to int
        Of the task, such as ``k`` or ``modulus``.
    graph : GraphShape, optional
        Vertices and edges, where the input is a graph.
    """

    n_words: int
    largest_word: int
    parameters: Mapping[str, int] = field(default_factory=dict)
    graph: GraphShape | None = None

    def __getitem__(self, name: str) -> int:
        """Return a parameter.

        Raises
        ------
        InputError
            There is none of that name.
        """
        if name not in self.parameters:
            given = ", ".join(self.parameters) or "none"
            raise InputError(f"the instance has no parameter {name}; it has {given}")
        return self.parameters[name]


@dataclass(frozen=True, eq=False)
class Instance:
    """An input of a problem.

    Parameters
    ----------
    words : int64[N]
        Not negative; read-only from then on.
    graph : Graph, optional
        Where ``words`` are those of a graph.
    largest_word : int, optional
        Of the shape: no less than the largest of ``words``, and by default that. The size of the
        alphabet less one, where that is what a model is built for.

    alphabet : tuple of str
        What the letters stand for, where the words are letters.

    Raises
    ------
    InputError
        No word, a negative one, or one larger than ``largest_word``.
    """

    words: Words
    parameters: Mapping[str, int] = field(default_factory=dict)
    graph: Graph | None = None
    largest_word: int | None = None
    alphabet: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.asarray(self.words).dtype.kind not in "iu":
            raise InputError(f"words are integers, not {np.asarray(self.words).dtype}")
        words = np.array(self.words, np.int64)
        if words.ndim != 1 or not len(words):
            raise InputError(f"an instance needs one word or more in a row, not {words.shape}")
        largest = int(words.max()) if self.largest_word is None else self.largest_word
        if words.min() < 0 or words.max() > largest:
            raise InputError(f"words lie in {words.min()} .. {words.max()}; give 0 .. {largest}")
        words.setflags(write=False)
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "largest_word", largest)

    @classmethod
    def of(cls, given: Any, **fields: Any) -> Instance:
        """Make an instance of words, int64[N], or of a graph."""
        if isinstance(given, Graph):
            return cls(given.words, graph=given, **fields)
        return cls(given, **fields)

    @property
    def given(self) -> Any:
        """The graph, or int64[N]: what a protocol is made for."""
        return self.words if self.graph is None else self.graph

    @property
    def shape(self) -> Shape:
        """What a solver may know of it."""
        assert self.largest_word is not None
        return Shape(
            len(self.words),
            self.largest_word,
            self.parameters,
            None if self.graph is None else self.graph.shape,
        )

    def with_defaults(self, parameters: tuple[Parameter, ...]) -> Instance:
        """Return the instance with the values of parameters that are left out."""
        left = {
            one.name: one.default(self) for one in parameters if one.name not in self.parameters
        }
        known = {name: value for name, value in left.items() if value is not None}
        return replace(self, parameters={**self.parameters, **known}) if known else self


NUMBERS, LETTERS, GRAPH = "numbers", "letters", "graph"
WORD, VERTEX, NOTHING = "word", "vertex", "nothing"


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """A statement with its inputs and its judge.

    Parameters
    ----------
    name : str
        As in ``anna-mpc list``.
    statement : str
        Input and output in one line.
    random : mapping of str to callable
        Seeded inputs by name: (int n, int seed) -> Instance. ``uniform`` is always there. ``n``
        counts words, of a graph vertices.
    hard, real : mapping of str to callable
        Hard inputs, and text or a graph that was observed: int n -> Instance; real ones have at
        most n words or vertices.
    oracle : callable or None
        Instance -> int64[N], a sequential program written from the definition; None for a protocol
        of a user, of which nothing is known.
    verifier : callable, optional
        (Instance, int64[N]) -> int, for problems with several right outputs: how many words, or
        vertices, or edges, break the statement. By default the words that differ from the oracle's.
    largest_word : callable
        What is given -> the largest word that a run may need.
    fixed : mapping of str to int
        Parameters of every instance that cannot be chosen.
    reads : str
        What an input is: numbers, letters or a graph.
    on_vertices, on_edges
        Of graphs: what the output words of vertices mean, "word" (a number), "vertex" (the number
        of one) or "nothing"; and whether those of edges mean something.
    degree : callable, optional
        Shape -> a lower bound on the rational degree of some output word (`degrees`); every run is
        held to the rounds that it needs (`reductions.certify.full_information`).
    is_weighted, takes_both : bool
        Of graphs: whether they have weights, and whether a graph of the other kind will do.
    default_n : int
        Words, or vertices, of the seeded input of a certificate.
    layout : Layout
        How an output of numbers is written.

    Raises
    ------
    ValueError
        There is no uniform generator, or ``on_vertices`` is none of the three.
    """

    name: str
    statement: str
    source: str = ""
    random: Mapping[str, Callable[[int, int], Instance]]
    hard: Mapping[str, Callable[[int], Instance]]
    real: Mapping[str, Callable[[int], Instance]] = field(default_factory=dict)
    oracle: Callable[[Instance], Words] | None
    verifier: Callable[[Instance, Words], int] | None = None
    largest_word: Callable[[Any], int] = lambda words: int(words.max())
    parameters: tuple[Parameter, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)
    reads: str = NUMBERS
    on_vertices: str = WORD
    on_edges: bool = False
    degree: Callable[[Shape], int] | None = None
    is_weighted: bool = False
    takes_both: bool = False
    default_n: int = 64
    layout: Layout = IN_ORDER

    def __post_init__(self) -> None:
        if "uniform" not in self.random:
            raise ValueError(f"problem {self.name} needs a uniform generator")
        if self.on_vertices not in (WORD, VERTEX, NOTHING):
            raise ValueError(
                f'on_vertices must be "{WORD}", "{VERTEX}" or "{NOTHING}", not "{self.on_vertices}"'
            )

    @classmethod
    def of_words(
        cls,
        *,
        instance: Callable[[int, int], Words],
        hard: Mapping[str, Callable[[int], Words]] = MappingProxyType({}),
        oracle: Callable[..., Words],
        **fields: Any,
    ) -> Problem:
        """Make a problem from functions of words; parameters are keywords of the oracle."""
        return cls._of(instance, hard, oracle, None, fields)

    @classmethod
    def of_graphs(
        cls,
        *,
        instance: Callable[[int, int], Graph],
        hard: Mapping[str, Callable[[int], Graph]],
        oracle: Callable[..., Words],
        verifier: Callable[[Graph, Words], int] | None = None,
        **fields: Any,
    ) -> Problem:
        """Make a problem from functions of graphs; parameters are keywords of the oracle."""
        return cls._of(instance, hard, oracle, verifier, {"reads": GRAPH, **fields})

    @classmethod
    def _of(
        cls,
        instance: Callable[[int, int], Any],
        hard: Mapping[str, Callable[[int], Any]],
        oracle: Callable[..., Words],
        verifier: Callable[[Any, Words], int] | None,
        fields: dict[str, Any],
    ) -> Problem:
        largest = fields.get("largest_word", lambda words: int(words.max()))
        chosen: tuple[Parameter, ...] = fields.get("parameters", ())

        def take(given: Any) -> Instance:
            found = Instance.of(given, largest_word=largest(given))
            return found.with_defaults(chosen)

        def of(make: Callable[[int], Any]) -> Callable[[int], Instance]:
            return lambda n: take(make(n))

        judge = None if verifier is None else lambda given, found: verifier(given.given, found)
        return cls(
            random={"uniform": lambda n, seed: take(instance(n, seed))},
            hard={name: of(make) for name, make in hard.items()},
            real={name: of(make) for name, make in fields.pop("real", {}).items()},
            oracle=lambda given: oracle(given.given, **given.parameters),
            verifier=judge,
            **fields,
        )

    def instance(self, given: Any, **parameters: int) -> Instance:
        """Return what is given as an instance; parameters that are left out have their defaults.

        Parameters
        ----------
        given : Instance, Graph, int[N], sequence of int, Letters, str or sequence of str
            Text is a letter per character, a sequence of texts a letter per item.

        Raises
        ------
        InputError
            It is none of these, or a parameter is not the problem's.
        """
        found = self._same(given) if isinstance(given, Instance) else self._read(given)
        values = {**self.fixed, **found.parameters, **self._checked(parameters)}
        return replace(found, parameters=values).with_defaults(self.parameters)

    def most_word(self, given: Any) -> int:
        """Return the largest word that a run on words or a graph may need; weights count."""
        words = given.words if isinstance(given, Graph) else given
        return max(self.largest_word(given), int(np.max(words)))

    def draw(self, n: int, seed: int, **parameters: int) -> Instance:
        """Return a seeded input of n words, of a graph n vertices."""
        if n < 1 or seed < 0:
            raise InputError(f"n = {n}, seed = {seed}: draw at least 1 word, by a seed from 0 on")
        parameters = self._checked(parameters)
        drawn = {one.name for one in self.parameters if one.is_drawn} & parameters.keys()
        make: Callable[..., Instance] = self.random["uniform"]
        found = make(n, seed, **{name: parameters[name] for name in drawn})
        return self.instance(found, **parameters)

    def _checked(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        """Return parameters as integers; raise for what is none, not the problem's or too small."""
        unknown = parameters.keys() - {one.name for one in self.parameters}
        if unknown:
            listed = ", ".join(one.name for one in self.parameters) or "no parameters"
            raise InputError(f"{self.name} has {listed}; leave out {', '.join(sorted(unknown))}")
        checked = {}
        for one in self.parameters:
            if one.name not in parameters:
                continue
            value = parameters[one.name]
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise InputError(f"{one.name} = {value!r}: it is a whole number")
            checked[one.name] = index(value)
            if not one.least <= checked[one.name] < 2**63:
                raise InputError(
                    f"{one.name} = {value}: choose it at least {one.least}, below 2^63"
                )
        return checked

    def _same(self, given: Instance) -> Instance:
        """Return an instance whose kind and parameters are those of the problem."""
        if (self.reads == GRAPH) != (given.graph is not None):
            raise InputError(f"{self.name} takes {self.reads}; give an instance of one")
        self._refuse_weights(given.graph)
        own = {key: value for key, value in given.parameters.items() if key not in self.fixed}
        if any(given.parameters.get(key, value) != value for key, value in self.fixed.items()):
            raise InputError(f"{self.name} has {dict(self.fixed)}, not {dict(given.parameters)}")
        largest = max(given.shape.largest_word, self.most_word(given.given))
        return replace(given, parameters=self._checked(own), largest_word=largest)

    def _read(self, given: Any) -> Instance:
        if (self.reads == GRAPH) != isinstance(given, Graph):
            raise InputError(f"{self.name} takes {self.reads}; give a Graph for a graph alone")
        if isinstance(given, Graph):
            self._refuse_weights(given)
            return Instance.of(given, largest_word=self.most_word(given))
        is_listed = isinstance(given, Sequence) and len(given) > 0
        if is_listed and all(isinstance(each, str) for each in given):
            given = Letters.of(given)
        if isinstance(given, Letters):
            if self.reads != LETTERS:
                raise InputError(f"{self.name} takes numbers, not letters; give integers")
            words, alphabet = given.words, given.alphabet
            if np.max(words, initial=0) >= len(alphabet):
                raise InputError(f"a letter is {np.max(words)}; {len(alphabet)} letters are named")
            return Instance(words, largest_word=len(alphabet), alphabet=alphabet)
        try:
            words = np.asarray(given)
        except ValueError:
            raise InputError(f"{self.name} takes one row of {self.reads}") from None
        if words.dtype.kind not in "iu" or words.ndim != 1:
            raise InputError(
                f"{self.name} takes {self.reads}; give one row of integers, not {words.dtype} "
                f"{words.shape}"
            )
        if words.dtype.kind == "u" and np.max(words, initial=0) >= 2**63:
            raise InputError(f"a word is {np.max(words)}; give words below 2^63")
        words = words.astype(np.int64)
        return Instance(words, largest_word=self.largest_word(words) if len(words) else 0)

    def _refuse_weights(self, graph: Graph | None) -> None:
        """Reject a graph with weights that mean nothing here, or without those that are needed."""
        if graph is None or self.takes_both:
            return
        if (graph.weights is not None) != self.is_weighted:
            needed = "with weights: give" if self.is_weighted else "without weights: leave out"
            raise InputError(f"{self.name} takes a graph {needed} the weights of Graph")

    @property
    def judge(self) -> str:
        """What finds wrong outputs: the oracle, or a verifier."""
        return "oracle" if self.verifier is None else "verifier"

    def n_wrong(self, instance: Instance, output: Words) -> int:
        """Return how much of an output is wrong."""
        if self.verifier is not None:
            return self.verifier(instance, whole(output))
        return n_different(output, self.expected(instance))

    def expected(self, instance: Instance) -> Words:
        """Return what the oracle puts out.

        Raises
        ------
        InputError
            The problem has none.
        """
        if self.oracle is None:
            raise InputError(f"{self.name} has no oracle")
        return self.oracle(instance)

    def inputs(self, n: int, *, seed: int = 0) -> dict[str, Instance]:
        """Return one input of every kind, by name: seeded, hard and real."""
        return {
            **{name: make(n, seed) for name, make in self.random.items()},
            **{name: make(n) for name, make in self.hard.items()},
            **{f"real: {name}": make(n) for name, make in self.real.items()},
        }
