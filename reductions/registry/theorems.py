"""Theorems: claims that are no constructions of their own, with what checks them."""

from __future__ import annotations

from reductions.registry.entry import Entry

KEEPS = "02_what_anna_keeps_and_drops.ipynb"
THERE = "03_from_a_protocol_to_a_transformer.ipynb"
BACK = "04_and_back.ipynb"
BOUNDS = "05_bounds_against_measurements.ipynb"
LEARNED = "07_learned_models.ipynb"

THEOREMS = (
    Entry(
        "theorem",
        "limits",
        "words sent, received and held are at most s in every round, before a word moves",
        "section 2 of arXiv 2509.09001",
        "mpc_sim.routing:Traffic",
        "tests/mpc_sim/test_routing.py::test_one_too_many_raises_and_can_be_inspected",
        "06_write_your_own_protocol.ipynb",
    ),
    Entry(
        "theorem",
        "locality",
        "what a machine sends depends on its own inbox alone",
        "section 2 of arXiv 2509.09001",
        "mpc_sim.conformance:assert_local",
        "tests/mpc_sim/test_conformance.py::test_a_step_that_reads_more_than_each_inbox_is_named",
        "06_write_your_own_protocol.ipynb",
    ),
    Entry(
        "theorem",
        "anna-definition",
        "weights are ANNA: none beyond c r, within r at least 1 / ((n - 1) l + 1), sums 1",
        "Definition 3.1 of arXiv 2509.09001",
        "anna_model.mechanisms.anna_definition:violations",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_canary_the_checker_rejects",
        KEEPS,
    ),
    Entry(
        "theorem",
        "collision-laws",
        "hyperplanes, cross-polytopes and p-stable projections collide by their laws",
        "Charikar 2002; Andoni et al., arXiv 1509.02897; Datar et al. 2004",
        "anna_model.lsh.family:Family",
        "tests/anna_model/lsh/test_lsh.py::test_collisions_follow_the_law",
        KEEPS,
    ),
    Entry(
        "theorem",
        "anna-parameters",
        "Algorithm 1 with z hashes and l tables is an ANNA but with probability delta + 0.1 l / N",
        "Theorem 3.4 of arXiv 2509.09001, with rho < 1/3",
        "anna_model.lsh.theorem_3_4:choose_parameters",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_the_chosen_parameters_are_an_anna",
        KEEPS,
    ),
    Entry(
        "theorem",
        "exact-match-is-anna",
        "exact match is ANNA with r = 0",
        "Definitions 3.1 and B.1 of arXiv 2509.09001",
        "anna_model.mechanisms.exact_match:ExactMatch",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_exact_match_is_anna_with_radius_zero",
    ),
    Entry(
        "theorem",
        "row-is-memory",
        "after layer t the row of token i is the memory of machine i before round t",
        "Theorem 4.1 of arXiv 2509.09001, the construction",
        "reductions.mpc_to_anna.route_layer:RouteLayer",
        "tests/reductions/mpc_to_anna/test_compiled_layers.py::"
        "test_after_layer_t_a_row_is_the_memory_of_a_machine",
    ),
    Entry(
        "theorem",
        "compiled-widths",
        "K + 1 heads, width b (w + 1) + 2, from the declared channels alone, on every round",
        "Theorem 4.1 of arXiv 2509.09001, syndrome code",
        "reductions.mpc_to_anna.bounds:theorem_bounds",
        "tests/reductions/mpc_to_anna/test_compiler_generality.py::test_every_shape_in_every_way",
        THERE,
    ),
    Entry(
        "theorem",
        "spread-heads",
        "spread heads: the probability of an overload is at most R P K / (b + 1)!",
        "in place of Lemma B.4 of arXiv 2509.09001: balls into bins",
        "reductions.mpc_to_anna.head_assignment:SpreadHeads",
        "tests/reductions/mpc_to_anna/test_head_assignment.py::"
        "test_measured_overloads_are_within_the_bound",
    ),
    Entry(
        "theorem",
        "compiled-exponents",
        "total width grows like N^(6 eps) as printed, N^(2 eps) by the syndrome code, N^eps spread",
        "Theorems 4.1 and B.2 of arXiv 2509.09001",
        "reductions.experiments.width_growth:exponent",
        "tests/reductions/experiments/test_growth.py::"
        "test_total_width_grows_by_the_exponent_of_the_table",
        BOUNDS,
    ),
    Entry(
        "theorem",
        "few-wide-heads",
        "with fan-out N^rho, rho = (eps' - eps) / 4: N^rho heads of width N^(eps + rho), fitted",
        "Theorem 4.1 of arXiv 2509.09001 with Lemma B.12",
        "reductions.experiments.fan_out_growth:fan_out_fit",
        "tests/reductions/experiments/test_fan_out_growth.py::"
        "test_heads_and_widths_grow_as_printed",
    ),
    Entry(
        "theorem",
        "far-collisions",
        "far collisions in the heads of a hashed run are counted; an uncorrected one fails the run",
        "Theorem 3.4 of arXiv 2509.09001 at r = 0",
        "reductions.mpc_to_anna.far_collisions:run_counted",
        "tests/reductions/mpc_to_anna/test_far_collisions.py::"
        "test_a_quarter_of_the_hashes_shows_failures_and_counts_every_one",
    ),
    Entry(
        "theorem",
        "compiled-by-hashing",
        "one table of hashed ids runs a compiled protocol; two ids meet with probability < 0.1 / T",
        "Theorem 3.4 of arXiv 2509.09001 at r = 0",
        "reductions.mpc_to_anna.hashed_ids:HashedIds",
        "tests/reductions/mpc_to_anna/test_hashed_ids.py::test_output_is_that_of_the_oracle",
        THERE,
    ),
    Entry(
        "theorem",
        "precision",
        "the declared Theta(log N) bits give every output; the fewest that do are measured",
        "section 2 of arXiv 2509.09001",
        "reductions.mpc_to_anna.precision:fewest_bits",
        "tests/reductions/mpc_to_anna/test_precision_bits.py::"
        "test_declared_bits_suffice_and_the_fewest_are_the_fewest",
    ),
    Entry(
        "theorem",
        "machine-exponents",
        "machines, counted on runs, grow like N^(1 + eps - eps' + 3 rho) up to logarithms",
        "Theorem 4.2 of arXiv 2509.09001",
        "reductions.experiments.mechanism_series:Series",
        "tests/reductions/attention_to_mpc/test_theorem_4_2.py::"
        "test_machines_grow_as_the_theorem_says",
        BACK,
    ),
    Entry(
        "theorem",
        "meta-machines",
        "buckets on hashed machines: 2 (L + V) rounds per layer, V = O(1 / (eps' - eps)), w.h.p.",
        "Theorem 4.2 of arXiv 2509.09001; funnels: arXiv 1101.1902",
        "reductions.attention_to_mpc.funnels:Funnels",
        "tests/reductions/attention_to_mpc/test_hashed_buckets.py::"
        "test_levels_grow_like_one_over_the_gap",
    ),
    Entry(
        "theorem",
        "round-trips",
        "protocol, transformer, protocol, and the other way: the same words, bounds composed",
        "Theorems 4.1 and 4.2 of arXiv 2509.09001",
        "reductions.attention_to_mpc.round_trip_bounds:there_and_back_bounds",
        "tests/reductions/attention_to_mpc/test_round_trips.py::"
        "test_protocol_to_transformer_to_protocol",
    ),
    Entry(
        "theorem",
        "full-information",
        "sum, parity and OR need ceil(log_s N) - 1 deliveries, and no run takes fewer",
        "Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018)",
        "reductions.certify.full_information:full_information_rounds",
        "tests/reductions/separations/test_lower_bounds.py::test_no_run_of_full_degree_is_faster",
        BOUNDS,
    ),
    Entry(
        "theorem",
        "depth-follows-rounds",
        "R rounds needed are R / q layers where q rounds simulate a layer; k-hop: one per doubling",
        "Theorem 4.2 of arXiv 2509.09001; arXiv 2402.09268 under the 1-vs-2-cycle conjecture",
        "reductions.separations.lower_bounds:DepthLowerBound",
        "tests/reductions/separations/test_lower_bounds.py::"
        "test_depth_of_every_mechanism_that_is_simulated",
        BOUNDS,
    ),
    Entry(
        "theorem",
        "stand-in",
        "the more tables, the nearer Algorithm 1 comes to its stand-in, the expected collisions",
        "in place of softmax in section 5.3 of arXiv 2509.09001",
        "anna_model.surrogate.expected:ExpectedCollisions",
        "tests/anna_model/surrogate/test_surrogate.py::"
        "test_many_tables_approach_the_expected_collisions",
        LEARNED,
    ),
    Entry(
        "theorem",
        "learned-match2",
        "Match2 learned and carried into ANNA: no error on 256 samples at 8 tables, by retrieval",
        "section 5.3 of arXiv 2509.09001, measured on shipped weights",
        "anna_model.surrogate.shipped_weights:shipped",
        "tests/reductions/experiments/test_experiment.py::"
        "test_match2_retrieves_and_does_not_average",
        LEARNED,
    ),
)
