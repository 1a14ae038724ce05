"""Certificates of failure: found on real models, checked by running them, rejected when false."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from anna_model import HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.mechanisms import AngularCodes, GivenCodes, LowRank, Raw, Reformer
from mpc_sim import InputError
from oracles import k_hop
from reductions.constructions.chunk_sums import ChunkedSum, chunk_sums, no_logit, own_number
from reductions.constructions.one_way_messages import Messages, low_rank_messages
from reductions.constructions.packed_k_hop import packed_k_hop
from reductions.constructions.recurrent_k_hop import recurrent_k_hop
from reductions.separations.collision_search import drawn_prefixes, same_boards, same_messages
from reductions.separations.drawn_chunks import drawn_chunks
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.hard_prefixes import HardPrefixes, asking_suffix
from reductions.separations.indistinguishable import FalseCertificate, TwoInputs, refute
from reductions.separations.one_way import SameMessages, refute_across
from reductions.separations.pointer_chasing import growth, least_letters, says_something
from reductions.separations.receptive_field import receptive_field, two_inputs
from reductions.separations.set_cells import FAR, HALF, MATCH2_SETS, SIZE, THREE_SUM_SETS
from reductions.separations.state_counting import (
    board_width,
    low_rank_width,
    recurrent_width,
    set_width,
)


def total(words: np.ndarray) -> list[int]:
    return [sum(words.tolist())] * len(words)


def partner_mod_7(words: np.ndarray) -> list[int]:
    return [int(any((x + y) % 7 == 0 for y in words.tolist())) for x in words.tolist()]


def hops(k: int) -> Callable[[np.ndarray], list[int]]:
    return lambda words: k_hop(words.tolist(), k)


def on_words(transformer: Transformer) -> Callable[[np.ndarray], np.ndarray]:
    return lambda words: transformer.forward(Rows.from_dense(words[:, None].astype(float))).dense()


# --- Reformer with chunks fixed in advance ---


@pytest.mark.parametrize(("chunk", "depth"), [(2, 1), (2, 4), (3, 3), (5, 2), (16, 1)])
def test_chunk_sums_compute_sum_in_log_layers_and_not_in_fewer(chunk: int, depth: int) -> None:
    n = chunk**depth
    words = np.random.default_rng(0).integers(0, 1000, n)
    assert on_words(chunk_sums(n, chunk, depth))(words)[:, 0].tolist() == total(words)
    shallow = chunk_sums(n, chunk, depth - 1)
    field = receptive_field(shallow, token=n - 1)
    assert len(field.tokens) == chunk ** (depth - 1) == field.bound.value
    claim = two_inputs("sum", field, total, lambda rng: rng.integers(0, 1000, n))
    assert claim is not None
    assert len(claim.places) == 1
    assert refute(on_words(shallow), total, claim).changed == 1
    assert two_inputs("sum", receptive_field(chunk_sums(n, chunk, depth), 0), total, None) is None


@pytest.mark.parametrize("causal", [False, True])
def test_receptive_field_is_what_an_output_depends_on(causal: bool) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, chunk, depth = (int(rng.integers(*range_)) for range_ in ((2, 40), (1, 5), (0, 4)))
        transformer = drawn_chunks(n, chunk, depth, heads=2, causal=causal, seed=seed)
        words, token = rng.integers(0, 99, n), int(rng.integers(n))
        field = receptive_field(transformer, token)
        assert len(field.tokens) <= min(n, chunk**depth)
        run = on_words(transformer)
        depends = []
        for place in range(n):
            changed = words.copy()
            changed[place] += 1
            if not np.array_equal(run(changed)[token], run(words)[token]):
                depends.append(place)
        assert depends == field.tokens.tolist()


@pytest.mark.parametrize(
    ("task", "oracle", "high"),
    [("match2", partner_mod_7, 7), ("k-hop", hops(1), 4), ("k-hop", hops(3), 3), ("sum", total, 9)],
)
def test_no_task_that_asks_for_all_words_fits_into_few_chunks(task, oracle, high) -> None:
    for n, chunk, depth in ((10, 3, 2), (33, 4, 2), (70, 4, 3), (40, 2, 5)):
        assert chunk**depth < n
        transformer = drawn_chunks(n, chunk, depth, seed=n)
        field = receptive_field(transformer, n - 1)
        # of Match2, mostly one word of a partner among words that have none
        claim = two_inputs(
            task, field, oracle, lambda rng, n=n: rng.integers(0, high, n) ** rng.integers(0, 2)
        )
        assert claim is not None
        assert not set(claim.places.tolist()) & set(field.tokens.tolist())
        refute(on_words(transformer), oracle, claim)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [2, 3, 4, 8, 16, 32])
def test_every_chunk_and_depth_below_log_b_n(chunk: int) -> None:
    n = 4099
    for depth in range(12):
        if chunk**depth >= n:
            break
        for transformer in (chunk_sums(n, chunk, depth), drawn_chunks(n, chunk, depth, seed=1)):
            field = receptive_field(transformer, token=0)
            assert len(field.tokens) <= chunk**depth
            claim = two_inputs("sum", field, total, lambda rng: rng.integers(0, 3, n))
            assert claim is not None
            refute(on_words(transformer), total, claim)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "k"), [(1, 4), (4, 5), (8, 9), (12, 13), (6, 16)])
def test_deep_recurrent_models_confuse_two_inputs_of_more_hops(depth: int, k: int) -> None:
    _, model, tell, claim = recurrent_claim(depth, k)
    assert claim is not None
    refute_across(tell, model.run, hops(k), claim)
    assert recurrent_claim(k, k)[3] is None


def test_patterns_of_a_layer_add_up() -> None:
    """Two rounds of chunks of 3 that share the token alone: 5 tokens in a layer, 6 allowed."""
    codes = np.stack([np.arange(9) // 3, np.arange(9) % 3])
    head = HeadMaps(no_logit, no_logit, own_number, 1, 1)
    layer = RowwiseLayer(Reformer(GivenCodes(codes), 3), (head,))
    field = receptive_field(Transformer((layer,), 9), 4)
    assert field.tokens.tolist() == [1, 3, 4, 5, 7]
    assert field.bound.value == 6
    assert field.bound.check(len(field.tokens)).status == "PASS"


@pytest.mark.parametrize("chunk", [49, 98, 103])
def test_chunk_sums_are_whole_numbers(chunk: int) -> None:
    """1/49 times 49 is less than 1 in floats, so a sum that is only cut off would be 0."""
    assert ChunkedSum(chunk, chunk).run([1] + [0] * (chunk - 1)).tolist() == [1] * chunk


def test_patterns_that_depend_on_the_input_have_no_fixed_field() -> None:
    head = HeadMaps(no_logit, no_logit, own_number, 1, 1)
    hashed = RowwiseLayer(Reformer(AngularCodes(1, 2), 2), (head,))
    with pytest.raises(InputError, match="not fixed in advance"):
        receptive_field(Transformer((hashed,), 4), 0)
    given = RowwiseLayer(Reformer(GivenCodes(np.zeros((1, 3), np.int64)), 2), (head,))
    with pytest.raises(InputError, match="codes for 3 tokens, not 4"):
        receptive_field(Transformer((given,), 4), 0)
    with pytest.raises(ValueError, match="given for 3 tokens, not 4"):
        Transformer((given,), 4).forward(Rows.from_dense(np.zeros((4, 1))))
    with pytest.raises(InputError, match="token = 4"):
        receptive_field(chunk_sums(4, 2, 1), 4)


# --- a false certificate is rejected ---


def test_false_certificates_are_rejected() -> None:
    shallow = on_words(chunk_sums(8, 2, 2))
    field = receptive_field(chunk_sums(8, 2, 2), 0)
    claim = two_inputs("sum", field, total, lambda rng: rng.integers(0, 9, 8))
    assert claim is not None
    refute(shallow, total, claim)
    with pytest.raises(FalseCertificate, match="distinguishes the inputs at token 0"):
        refute(on_words(chunk_sums(8, 2, 3)), total, claim)  # a model that is right
    with pytest.raises(FalseCertificate, match="both inputs are the same"):
        refute(shallow, total, replace(claim, second=claim.first))
    inside = claim.second.copy()
    inside[1] += 1
    with pytest.raises(FalseCertificate, match="distinguishes the inputs"):
        refute(shallow, total, replace(claim, second=inside))
    with pytest.raises(FalseCertificate, match="8 tokens, but outputs of shape"):
        refute(lambda words: shallow(words)[:4], total, claim)
    with pytest.raises(FalseCertificate, match="distinguishes the inputs"):  # NaN equals nothing
        refute(lambda words: shallow(words) * np.nan, total, claim)
    with pytest.raises(ValueError, match=r"choose it in 0 \.\. 7"):
        replace(claim, token=8)
    with pytest.raises(FalseCertificate, match="distinguishes the inputs"):  # by very little
        refute(lambda words: shallow(words) + 1e-9 * words.sum(), total, claim)
    with pytest.raises(ValueError, match="shape"):
        replace(claim, second=claim.second[:7])


def recurrent_claim(depth: int, k: int):
    family = HardPrefixes(3, k)
    model = recurrent_k_hop(family.n_tokens, family.n_letters, depth)

    def tell(words: np.ndarray) -> Messages:
        return Messages(model.messages(words[: family.cut]))

    rng = np.random.default_rng(0)
    claim = same_messages(
        "k-hop", tell, hops(k), family.candidates(rng, 100), list(family.suffixes())
    )
    return family, model, tell, claim


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_recurrent_model_of_fewer_layers_than_hops_confuses_two_inputs(depth: int) -> None:
    family, model, tell, claim = recurrent_claim(depth, depth + 1)
    assert claim is not None
    assert claim.cut == family.cut
    refute_across(tell, model.run, hops(depth + 1), claim)
    right = recurrent_k_hop(family.n_tokens, family.n_letters, depth + 1)
    with pytest.raises(FalseCertificate, match="distinguishes the inputs"):
        refute(right.run, hops(depth + 1), claim.inputs)


def test_a_recurrent_model_of_as_many_layers_confuses_none() -> None:
    *_, claim = recurrent_claim(3, 3)
    assert claim is None


def test_false_certificates_across_a_cut_are_rejected() -> None:
    family, model, tell, claim = recurrent_claim(1, 2)
    assert claim is not None
    right = recurrent_k_hop(family.n_tokens, family.n_letters, 2)

    def tell_more(words: np.ndarray) -> Messages:
        return Messages(right.messages(words[: family.cut]))

    with pytest.raises(FalseCertificate, match="layer 1 distinguishes the inputs"):
        refute_across(tell_more, model.run, hops(2), claim)
    early = replace(claim, cut=int(claim.inputs.places.max()))
    with pytest.raises(FalseCertificate, match="behind the cut"):
        refute_across(tell, model.run, hops(2), early)
    with pytest.raises(ValueError, match="must lie behind it"):
        replace(claim, cut=claim.inputs.token + 1)


# --- causal low-rank attention ---


@pytest.mark.parametrize(
    ("depth", "rank", "width", "heads", "length"),
    [(1, 1, 1, 1, 10), (1, 2, 1, 1, 10), (1, 1, 1, 2, 10), (2, 1, 1, 1, 12)],
)
def test_low_rank_layers_that_cannot_tell_enough_confuse_two_inputs(
    depth: int, rank: int, width: int, heads: int, length: int
) -> None:
    k = depth + 1
    n = length + k + 2
    for seed in range(3):
        model = drawn_low_rank(n, depth=depth, rank=rank, width=width, heads=heads, seed=seed)
        suffixes = [asking_suffix(letter, k - 1, k + 2, 2, 3) for letter in range(2)]
        tell = partial(model.tell, cut=length)
        claim = same_messages("k-hop", tell, hops(k), drawn_prefixes(2, length, 1500), suffixes)
        assert claim is not None
        told = refute_across(tell, model.run, hops(k), claim)
        assert told.answers[0] != told.answers[1]
        assert tell(claim.inputs.first).words == (rank * width * heads,) * depth
        right = packed_k_hop(n, 4, k, depth=depth)
        with pytest.raises(FalseCertificate, match="distinguishes the inputs"):
            refute(right.run, hops(k), claim.inputs)


@pytest.mark.parametrize("normalised", [False, True])
def test_messages_are_all_that_crosses_a_cut(normalised: bool) -> None:
    """Right outputs are computed from the messages and the right rows alone."""
    n, cut, rng = 9, 5, np.random.default_rng(0)
    maps = [lambda i, x, s=s: np.sin((i[:, None] + x) * (s + 1)) ** 2 + 0.1 for s in range(3)]
    head = HeadMaps(*maps, 1, 1)
    mechanism = LowRank(Raw(), normalised=normalised, causal=True)
    layers = tuple(RowwiseLayer(mechanism, (head, head)) for _ in range(1))
    transformer, rows = Transformer(layers, n), Rows.from_dense(rng.random((n, 1)))
    (told,) = low_rank_messages(transformer, rows, cut).layers
    assert len(told) == 2 * (1 + normalised)
    output = transformer.forward(rows).dense()
    for token in range(cut, n):
        own = slice(cut, token + 1)
        place, right = np.arange(n)[own], rows.dense()[own]
        query, key, value = (each(place, right)[:, 0] for each in maps)
        heard = query[-1] * (told[0] + (key * value).sum())
        if normalised:
            heard /= query[-1] * (told[1] + key.sum())
        assert np.allclose(output[token], heard)


def test_messages_of_other_heads_are_refused() -> None:
    head = HeadMaps(no_logit, no_logit, own_number, 1, 1)
    rows = Rows.from_dense(np.ones((4, 1)))
    board = Transformer((RowwiseLayer(LowRank(Raw(), normalised=False), (head,)),), 4)
    with pytest.raises(InputError, match="not causal"):
        low_rank_messages(board, rows, 2)
    assert low_rank_messages(board, rows, 4).words == (1,)
    with pytest.raises(InputError, match="not low-rank heads"):
        low_rank_messages(chunk_sums(4, 2, 1), rows, 4)
    with pytest.raises(InputError, match="cut = 5"):
        low_rank_messages(board, rows, 5)


def test_a_packed_prefix_is_never_confused() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, n_letters, k, depth = (
            int(rng.integers(*range_)) for range_ in ((1, 70), (1, 7), (0, 6), (1, 4))
        )
        letters = rng.integers(0, n_letters, n)
        found = packed_k_hop(n, n_letters, k, depth=depth)
        assert found.run(letters).tolist() == k_hop(letters.tolist(), k)
    length, k = 6, 2
    packed = packed_k_hop(length + k + 2, 4, k)
    suffixes = [asking_suffix(letter, k - 1, k + 2, 2, 3) for letter in range(2)]
    tell = partial(packed.tell, cut=length)
    assert same_messages("k-hop", tell, hops(k), drawn_prefixes(2, length, 64), suffixes) is None


# --- counting ---


@pytest.mark.parametrize(("q", "k"), [(1, 1), (2, 1), (2, 3), (2, 5), (3, 1), (3, 2), (4, 1)])
def test_no_two_hard_prefixes_have_the_same_answers(q: int, k: int) -> None:
    family = HardPrefixes(q, k, pad=q % 2)
    answers = set()
    permutations = list(itertools.permutations(range(q)))
    for chosen in itertools.product(permutations, repeat=k):
        prefix = family.prefix(chosen)
        asked = [np.concatenate([prefix, suffix]).tolist() for suffix in family.suffixes()]
        assert {len(words) for words in asked} == {family.n_tokens}
        answers.add(tuple(k_hop(words, k)[-1] for words in asked))
    assert len(answers) == math.factorial(q) ** k == recurrent_width(q, k).prefixes


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_answer_names_the_last_letter_of_any_prefix(k: int) -> None:
    """Step (1) of the low-rank bound: u is the answer exactly for the last letter."""
    n, n_letters = 6 + k + 2, 3
    for length in (1, 4, 6):
        for prefix in itertools.product(range(n_letters), repeat=length):
            for letter in range(n_letters):
                suffix = asking_suffix(letter, k - 1, n - length, 3, 4).tolist()
                answer = k_hop([*prefix, *suffix], k)[-1]
                assert (answer == 3 + 1) == (letter == prefix[-1])


def test_two_letters_can_be_read_from_the_answers_backwards() -> None:
    """A token answers with its own letter exactly if the one before it has the same."""
    for word in itertools.product(range(2), repeat=9):
        answers = k_hop(list(word), 1)
        for place in range(1, len(word)):
            assert (answers[place] == word[place] + 1) == (word[place - 1] == word[place])


def test_boards_over_all_tokens_confuse_two_inputs_at_some_token() -> None:
    n = 13
    for seed in range(3):
        model = drawn_low_rank(n, depth=2, rank=1, width=1, causal=False, seed=seed)
        tell = partial(model.tell, cut=n)
        claim = same_boards("induction-heads", tell, hops(1), drawn_prefixes(2, n, 2000))
        assert claim is not None
        refute(model.run, hops(1), claim)
        assert tell(claim.first) == tell(claim.second)
        with pytest.raises(FalseCertificate, match="distinguishes the inputs"):
            refute(recurrent_k_hop(n, 2, 1).run, hops(1), claim)
    assert board_width(n).bits == n - 1


def test_messages_of_low_rank_layers_can_be_undone() -> None:
    """Step (2): from the last letter, messages after n tokens give those after n - 1."""
    n = 8
    model = drawn_low_rank(n, depth=3, rank=2, width=2, heads=2, seed=1)
    for seed in range(10):
        letters = np.random.default_rng(seed).integers(0, 3, n)
        last, place = letters[-1:], np.array([n - 1])
        row = np.array([[float(last[0])]])
        after, before = model.tell(letters, n), model.tell(letters, n - 1)
        for layer, told, earlier in zip(
            model.transformer.layers, after.layers, before.layers, strict=True
        ):
            sums = np.array(told).reshape(2, 2, 2)
            took = [
                np.outer(head.key(place, row)[0], head.value(place, row)[0])
                for head in layer.head_maps
            ]
            assert (sums - took).ravel().tolist() == list(earlier)
            heard = [
                head.query(place, row) @ table
                for head, table in zip(layer.head_maps, sums, strict=True)
            ]
            row = layer.fold(place, row, np.concatenate(heard, axis=1))


@pytest.mark.parametrize("task", ["match2", "three-sum"])
def test_what_asks_for_a_number_asks_for_no_other(task: str) -> None:
    """The last answer is 1 exactly if the number is in the set: by definition, over all triples."""

    def answer(words: list[int]) -> bool:
        if task == "match2":
            return any((words[-1] + word) % FAR == 0 for word in words)
        values = [word - len(words) ** 3 for word in words]
        return any(sum(three) == 0 for three in itertools.combinations(values, 3))

    family = {"match2": MATCH2_SETS, "three-sum": THREE_SUM_SETS}[task]
    sets = list(family.prefixes())
    assert len(sets) == math.comb(HALF, SIZE) == set_width(SIZE, HALF).prefixes
    for prefix in sets[::37]:
        for number, suffix in enumerate(family.suffixes(), 1):
            words = [*prefix.tolist(), *suffix.tolist()]
            assert answer(words) == (number in (prefix - family.offset).tolist())


def test_a_drawn_recurrent_model_has_no_more_states_than_bits() -> None:
    """More prefixes than states: two are told alike, whatever was drawn."""
    for seed in range(5):
        model = drawn_recurrent(7, depth=2, state_words=1, bits=2, row_bits=4, seed=seed)
        told = {model.states(prefix) for prefix in itertools.product(range(3), repeat=4)}
        assert 2 <= len(told) <= 2**4 < 3**4


def test_bounds_leave_room_for_the_constructions_and_not_much() -> None:
    for q, k in ((4, 2), (8, 16), (64, 64), (512, 8)):
        family, bound = HardPrefixes(q, k), recurrent_width(q, k)
        model = recurrent_k_hop(family.n_tokens, family.n_letters, k)
        words = sum(layer.state_words for layer in model.model.layers)
        assert bound.allows(words, model.model.word_bits)
        assert bound.least_depth(model.state_words, model.model.word_bits) <= model.depth
    # (2 q + 3) bit_length(2 q + 2) / log2(q!) falls to 2; here, q = 512, it is 2.9
    assert words * model.model.word_bits / bound.bits < 3
    for n, n_letters, k in ((4096, 18, 3), (2**16, 66, 1)):
        bound = low_rank_width(n, n_letters, k)
        words = packed_k_hop(n, n_letters, k).words_a_layer
        assert bound.allows(words, 52)
        assert words * 52 / bound.bits < 1.2
        assert not bound.allows(bound.bits // 52, 52)


def test_pointer_chasing_says_nothing_of_few_letters_or_many_hops() -> None:
    assert least_letters(1024, 3) == 2 * (1024 // 6) + 2
    assert says_something(1024, 342, 3)
    assert not says_something(1024, 341, 3)
    assert not says_something(1024, 1024, 4)  # 4^6 > 1024
    assert growth(10**6, 3) == pytest.approx(10**6 / 729)
    with pytest.raises(InputError, match="take n and k >= 1"):
        least_letters(0, 3)


def test_over_few_letters_pointer_chasing_would_be_false() -> None:
    """One recurrent layer of 33 words takes 8 hops of 4 letters, whatever N is."""
    for n in (64, 4096):
        model = recurrent_k_hop(n, 4, 8, hops_a_layer=8)
        assert (model.depth, model.state_words) == (1, 33)
        letters = np.random.default_rng(n).integers(0, 4, n)
        assert model.run(letters).tolist() == k_hop(letters.tolist(), 8)
        assert not says_something(n, 4, 8)


def test_sizes_are_checked() -> None:
    refusals: list[Callable[[], object]] = [
        lambda: chunk_sums(4, 1, 1),
        lambda: HardPrefixes(0, 1),
        lambda: asking_suffix(0, 2, 4, 1, 2),
        lambda: recurrent_width(0, 1),
        lambda: set_width(5, 4),
        lambda: board_width(0),
        lambda: drawn_chunks(0, 1, 1),
        lambda: drawn_recurrent(3, depth=1, state_words=1, bits=5, row_bits=4),
        lambda: low_rank_width(3, 3, 2),
        lambda: drawn_low_rank(4, depth=0, rank=1, width=1),
        lambda: packed_k_hop(4, 3, 1, depth=0),
        lambda: packed_k_hop(2, 3, 1).run([0, 3]),
    ]
    for refused in refusals:
        with pytest.raises(InputError):
            refused()
    with pytest.raises(ValueError, match="at least one round"):
        GivenCodes(np.zeros((0, 3), np.int64))


def test_a_certificate_is_frozen() -> None:
    claim = TwoInputs("sum", np.array([0, 1]), np.array([1, 1]), token=1)
    with pytest.raises(ValueError, match="read-only"):
        claim.first[0] = 1
    with pytest.raises(AttributeError):
        SameMessages(claim, 1).cut = 0  # type: ignore[misc]
