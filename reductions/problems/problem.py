"""A task: what is asked, inputs of every kind, and an oracle that shares no code with a solver.

An instance is what a model is given: N words, and the parameters that the model was built for (the
modulus of Match2, the hops of k-hop). Its shape is all that a construction may know before: N, the
parameters, the largest word, and of a graph its vertices and edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words


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
    """An input of a task.

    Parameters
    ----------
    words : int64[N]
        Not negative; read-only from then on.
    parameters : mapping of str to int
    graph : Graph, optional
        Where ``words`` are those of a graph.
    largest_word : int, optional
        Of the shape: no less than the largest of ``words``, and by default that. The size of the
        alphabet less one, where that is what a model is built for.

    Raises
    ------
    InputError
        No word, a negative one, or one larger than ``largest_word``.
    """

    words: Words
    parameters: Mapping[str, int] = field(default_factory=dict)
    graph: Graph | None = None
    largest_word: int | None = None

    def __post_init__(self) -> None:
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
    def of_graph(cls, graph: Graph) -> Instance:
        """Return the words of a graph as an instance."""
        return cls(graph.words, graph=graph)

    @property
    def shape(self) -> Shape:
        """What a construction may know of it."""
        assert self.largest_word is not None
        return Shape(
            len(self.words),
            self.largest_word,
            self.parameters,
            None if self.graph is None else self.graph.shape,
        )


@dataclass(frozen=True, eq=False)
class Task:
    """A task with its inputs and its oracle.

    Parameters
    ----------
    name : str
        As in ``anna-mpc list``.
    statement : str
        Input and output in one line.
    source : str
    oracle : callable
        Instance -> int64[N], a sequential program written from the definition.
    random : mapping of str to callable
        Seeded inputs by name: (int n, int seed) -> Instance. ``uniform`` is always there. ``n``
        counts words, of a graph vertices.
    hard : mapping of str to callable
        Hard inputs: int n -> Instance.
    real : mapping of str to callable
        Real inputs, text or a graph that was observed: int n -> Instance, of at most n words or
        vertices.

    Raises
    ------
    ValueError
        There is no uniform generator.
    """

    name: str
    statement: str
    source: str
    oracle: Callable[[Instance], Words]
    random: Mapping[str, Callable[[int, int], Instance]]
    hard: Mapping[str, Callable[[int], Instance]]
    real: Mapping[str, Callable[[int], Instance]]

    def __post_init__(self) -> None:
        if "uniform" not in self.random:
            raise ValueError(f"task {self.name} needs a uniform generator")

    def inputs(self, n: int, *, seed: int = 0) -> dict[str, Instance]:
        """Return one input of every kind, by name: seeded, hard and real."""
        return {
            **{name: make(n, seed) for name, make in self.random.items()},
            **{name: make(n) for name, make in self.hard.items()},
            **{f"real: {name}": make(n) for name, make in self.real.items()},
        }
