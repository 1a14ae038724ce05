"""k-hop as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.k_hop import (
    NONE,
    Answer,
    Double,
    Neighbours,
    Number,
    OwnLetter,
    SendHome,
    k_hop,
    tokens_per_machine,
)
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from twins.blocks import Twins, twin_of
from twins.broadcast import Left, local_twin, n_output
from twins.columnsort import SORTING

TOKEN = ("hop", "inverse", "letter")


def own_letter(memory: Memory) -> Left:
    """Put out the own letters.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> own_letter(Memory(0, cluster, {"input": [(7,), (0,)]}))
    {'output': (('word',), [(8,), (1,)])}
    """
    return {"output": (("word",), [(letter + 1,) for (letter,) in memory["input"]])}


def number(memory: Memory) -> Left:
    """Number the letters from 1.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> number(Memory(1, cluster, {"input": [(7,), (0,)]}))["records"][1]
    [(8, 3), (1, 4)]
    """
    first = memory.machine * memory.cluster.block_words + 1
    letters = enumerate(memory["input"], start=first)
    rows: list[Row] = [(letter + 1, index) for index, (letter,) in letters]
    return {"records": (("letter", "index"), rows)}


def home(memory: Memory, index: int) -> int:
    """Return the machine of a token.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> home(Memory(0, Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2), {}), 3)
    1
    """
    return (index - 1) // tokens_per_machine(memory.cluster)


def tokens_here(memory: Memory) -> range:
    """Return the indices of the tokens of the machine.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> tokens_here(Memory(1, Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2), {}))
    range(3, 5)
    """
    size, n = tokens_per_machine(memory.cluster), memory.cluster.n_words
    return range(min(memory.machine * size, n) + 1, min((memory.machine + 1) * size, n) + 1)


def neighbours_twin(stage: Neighbours) -> Twin:
    """Return the twin of ``Neighbours``.

    Examples
    --------
    >>> neighbours_twin(Neighbours()).shape
    Neighbours()
    """

    def step(round: int, memory: Memory) -> None:
        tokens = memory["records"]
        for token in tokens:
            memory.keep("sorted", *token)
        full = tokens_per_machine(memory.cluster)
        if len(tokens) == full and (memory.machine + 1) * full < memory.cluster.n_words:
            memory.send("last", memory.machine + 1, *tokens[-1])

    def finish(memory: Memory) -> Left:
        before = memory["last"][0] if memory["last"] else (0, 0)
        linked: list[Row] = []
        for letter, index in memory["sorted"]:
            hop = before[1] + 1 if before[0] == letter else NONE
            linked.append((index, letter, hop))
            before = (letter, index)
        return {"linked": (("index", "letter", "hop"), linked)}

    return per_machine(stage, step, finish)


def send_home_twin(stage: SendHome) -> Twin:
    """Return the twin of ``SendHome``.

    Examples
    --------
    >>> send_home_twin(SendHome()).shape
    SendHome()
    """

    def step(round: int, memory: Memory) -> None:
        for index, letter, hop in memory["linked"]:
            memory.send("forward", home(memory, index), index, hop, letter)
            if hop != NONE:
                memory.send("backward", home(memory, hop), hop, index)

    def finish(memory: Memory) -> Left:
        forward = {index: (hop, letter) for index, hop, letter in memory["forward"]}
        return tokens(
            memory,
            {index: hop for index, (hop, _) in forward.items()},
            {index: letter for index, (_, letter) in forward.items()},
        )

    return per_machine(stage, step, finish)


def tokens(memory: Memory, hops: dict[int, int], letters: dict[int, int]) -> Left:
    """Return the tokens of the machine with what arrived for each, NONE where nothing did.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=2, memory_words=4, n_machines=2, block_words=2)
    >>> tokens(Memory(1, cluster, {"backward": [(2, 1)]}), {}, {2: 5})["token"][1]
    [(0, 1, 5)]
    """
    inverse = {row[0]: row[1] for row in memory["backward"]}
    rows: list[Row] = [
        (hops.get(index, NONE), inverse.get(index, NONE), letters.get(index, NONE))
        for index in tokens_here(memory)
    ]
    return {"token": (TOKEN, rows)}


def double_twin(stage: Double) -> Twin:
    """Return the twin of ``Double``.

    Examples
    --------
    >>> double_twin(Double(2, True)).shape
    Double(bit=2, is_set=True)
    """

    def step(round: int, memory: Memory) -> None:
        for hop, inverse, letter in memory["token"]:
            moved = (hop, letter) if stage.is_set else (hop,)
            if inverse != NONE:
                memory.send("forward", home(memory, inverse), inverse, *moved)
            if hop != NONE:
                memory.send("backward", home(memory, hop), hop, inverse)
            if not stage.is_set:
                memory.keep("own", letter)

    def finish(memory: Memory) -> Left:
        hops = {index: hop for index, hop, *_ in memory["forward"]}
        if stage.is_set:
            return tokens(memory, hops, {index: letter for index, _, letter in memory["forward"]})
        own = zip(tokens_here(memory), memory["own"], strict=True)
        return tokens(memory, hops, {index: letter for index, (letter,) in own})

    return per_machine(stage, step, finish)


def answer_twin(stage: Answer) -> Twin:
    """Return the twin of ``Answer``.

    Examples
    --------
    >>> answer_twin(Answer()).shape
    Answer()
    """

    def step(round: int, memory: Memory) -> None:
        for _, inverse, letter in memory["token"]:
            if inverse != NONE:
                to = (inverse - 1) // memory.cluster.block_words
                memory.send("answer", to, inverse, letter)

    def finish(memory: Memory) -> Left:
        letters = {row[0]: row[1] for row in memory["answer"]}
        first = memory.machine * memory.cluster.block_words + 1
        words: list[Row] = [
            (letters.get(index, NONE),) for index in range(first, first + n_output(memory))
        ]
        return {"output": (("word",), words)}

    return per_machine(stage, step, finish)


HOPPING: Twins = {
    OwnLetter: lambda stage: local_twin(stage, own_letter),
    Number: lambda stage: local_twin(stage, number),
    Neighbours: neighbours_twin,
    SendHome: send_home_twin,
    Double: double_twin,
    Answer: answer_twin,
}


def k_hop_twin(k: int) -> Protocol:
    """Return the twin of ``k_hop(k)``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> words = ["abc".index(letter) for letter in "aabcbabca"]
    >>> sim = Simulation(k_hop_twin(2), fit_cluster(k_hop(2), 9, "2/3", largest_word=3), words)
    >>> "".join(".abc"[word] for word in sim.run())
    '.a....bca'
    """
    return twin_of(k_hop(k), HOPPING, SORTING)
