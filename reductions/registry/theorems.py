"""Theorems: claims that are no constructions of their own, with what checks them."""

from __future__ import annotations

from reductions.registry.entry import Claim

KEEPS = "02_what_anna_keeps_and_drops.ipynb"
THERE = "03_from_a_protocol_to_a_transformer.ipynb"
BACK = "04_and_back.ipynb"
BOUNDS = "05_bounds_against_measurements.ipynb"
LEARNED = "07_learned_models.ipynb"

THEOREMS = (
    Claim(
        "limits",
        "mpc_sim.routing:Traffic",
        "tests/mpc_sim/test_routing.py::test_one_too_many_raises_and_can_be_inspected",
        "06_write_your_own_protocol.ipynb",
        family="theorem",
        states="words sent, received and held are at most s in every round, before a word moves",
        proved="section 2 of arXiv 2509.09001",
    ),
    Claim(
        "locality",
        "mpc_sim.conformance:assert_local",
        "tests/mpc_sim/test_conformance.py::test_a_step_that_reads_more_than_each_inbox_is_named",
        "06_write_your_own_protocol.ipynb",
        family="theorem",
        states="what a machine sends depends on its own inbox alone",
        proved="section 2 of arXiv 2509.09001",
    ),
    Claim(
        "anna-definition",
        "anna_model.mechanisms.anna_definition:violations",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_canary_the_checker_rejects",
        KEEPS,
        family="theorem",
        states="weights are ANNA: none beyond c r, within r at least 1 / ((n - 1) l + 1), sums 1",
        proved="Definition 3.1 of arXiv 2509.09001",
    ),
    Claim(
        "collision-laws",
        "anna_model.lsh.family:Family",
        "tests/anna_model/lsh/test_lsh.py::test_collisions_follow_the_law",
        KEEPS,
        family="theorem",
        states="hyperplanes, cross-polytopes and p-stable projections collide by their laws",
        proved="this project, after Charikar 2002; Andoni et al., arXiv 1509.02897; Datar et al. "
        "2004",
    ),
    Claim(
        "anna-parameters",
        "anna_model.lsh.theorem_3_4:choose_parameters",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_the_chosen_parameters_are_an_anna",
        KEEPS,
        family="theorem",
        states="Algorithm 1 with z hashes and l tables is an ANNA but with probability delta + 0.1 "
        "l / N",
        proved="Theorem 3.4 of arXiv 2509.09001, with rho < 1/3",
    ),
    Claim(
        "exact-match-is-anna",
        "anna_model.mechanisms.exact_match:ExactMatch",
        "tests/anna_model/lsh/test_theorem_3_4.py::test_exact_match_is_anna_with_radius_zero",
        family="theorem",
        states="exact match is ANNA with r = 0",
        proved="Definitions 3.1 and B.1 of arXiv 2509.09001",
    ),
    Claim(
        "row-is-memory",
        "reductions.mpc_to_anna.route_layer:RouteLayer",
        "tests/reductions/mpc_to_anna/test_compiled_layers.py::"
        "test_after_layer_t_a_row_is_the_memory_of_a_machine",
        family="theorem",
        states="after layer t the row of machine i's tokens is its memory before round t",
        proved="Theorem 4.1 of arXiv 2509.09001, the construction",
    ),
    Claim(
        "compiled-widths",
        "reductions.mpc_to_anna.bounds:theorem_bounds",
        "tests/reductions/mpc_to_anna/test_compiler_generality.py::test_every_shape_in_every_way",
        THERE,
        family="theorem",
        states="1 + ceil(K / g) heads, width b (ceil(w / r) + 1) + 2, from the declared channels "
        "alone, on every round",
        proved="Theorem 4.1 of arXiv 2509.09001, syndrome code",
    ),
    Claim(
        "one-head",
        "reductions.mpc_to_anna.token_groups:TokenRule",
        "tests/reductions/mpc_to_anna/test_few_heads.py::test_every_number_of_tokens",
        THERE,
        family="theorem",
        states="with g tokens per machine 1 + ceil(k / g) heads run any protocol, one if g > k: "
        "total width 3 s + c + w + 3 at a context of max(N, P (k + 1)); where every token asks for "
        "its machine alone g H >= k + 1 is needed",
        proved="this project; settles whether the O(N^eps) heads of Theorem 4.1 of arXiv "
        "2509.09001 can be fewer, at that context",
    ),
    Claim(
        "balanced-heads",
        "reductions.mpc_to_anna.head_assignment:PermutedSlots",
        "tests/reductions/mpc_to_anna/test_few_heads.py::"
        "test_overloads_of_a_hostile_pattern_are_within_the_bound",
        family="theorem",
        states="about log N tokens per machine, permuted slots: an overload has probability at "
        "most R P H exp(-(c ln(c/g) - c + g)), c = b + 1",
        proved="this project: negative association of permutations (Joag-Dev, Proschan 1983) and "
        "Chernoff's bound",
    ),
    Claim(
        "spread-heads",
        "reductions.mpc_to_anna.head_assignment:SpreadHeads",
        "tests/reductions/mpc_to_anna/test_head_assignment.py::"
        "test_measured_overloads_are_within_the_bound",
        family="theorem",
        states="spread heads: the probability of an overload is at most R P K / (b + 1)!",
        proved="in place of Lemma B.4 of arXiv 2509.09001: balls into bins",
    ),
    Claim(
        "compiled-exponents",
        "reductions.experiments.width_growth:exponent",
        "tests/reductions/experiments/test_growth.py::"
        "test_total_width_grows_by_the_exponent_of_the_table",
        BOUNDS,
        family="theorem",
        states="total width grows like N^(6 eps) as printed, N^(2 eps) by the syndrome code, N^eps "
        "spread (but for a logarithm) and in one head",
        proved="Theorems 4.1 and B.2 of arXiv 2509.09001",
    ),
    Claim(
        "few-wide-heads",
        "reductions.experiments.fan_out_growth:fan_out_fit",
        "tests/reductions/experiments/test_fan_out_growth.py::"
        "test_heads_and_widths_grow_as_printed",
        family="theorem",
        states="with fan-out N^rho, rho = (eps' - eps) / 4: N^rho heads of width N^(eps + rho), "
        "fitted",
        proved="Theorem 4.1 of arXiv 2509.09001 with Lemma B.12",
    ),
    Claim(
        "far-collisions",
        "reductions.mpc_to_anna.far_collisions:run_counted",
        "tests/reductions/mpc_to_anna/test_far_collisions.py::"
        "test_a_quarter_of_the_hashes_shows_failures_and_counts_every_one",
        family="theorem",
        states="far collisions in the heads of a hashed run are counted; an uncorrected one fails "
        "the run",
        proved="Theorem 3.4 of arXiv 2509.09001 at r = 0",
    ),
    Claim(
        "compiled-by-hashing",
        "reductions.mpc_to_anna.hashed_ids:HashedIds",
        "tests/reductions/mpc_to_anna/test_hashed_ids.py::test_output_is_that_of_the_oracle",
        THERE,
        family="theorem",
        states="one table of hashed ids runs a compiled protocol; two ids meet with probability < "
        "0.1 / T",
        proved="Theorem 3.4 of arXiv 2509.09001 at r = 0",
    ),
    Claim(
        "precision",
        "reductions.mpc_to_anna.precision:fewest_bits",
        "tests/reductions/mpc_to_anna/test_precision_bits.py::"
        "test_declared_bits_suffice_and_the_fewest_are_the_fewest",
        family="theorem",
        states="the declared Theta(log N) bits give every output; the fewest that do are measured",
        proved="section 2 of arXiv 2509.09001",
    ),
    Claim(
        "machine-exponents",
        "reductions.experiments.mechanism_series:Series",
        "tests/reductions/attention_to_mpc/test_theorem_4_2.py::"
        "test_machines_grow_as_the_theorem_says",
        BACK,
        family="theorem",
        states="machines, counted on runs, grow like N^(1 + eps - eps' + 3 rho) up to logarithms",
        proved="Theorem 4.2 of arXiv 2509.09001",
    ),
    Claim(
        "meta-machines",
        "reductions.attention_to_mpc.funnels:Funnels",
        "tests/reductions/attention_to_mpc/test_hashed_buckets.py::"
        "test_levels_grow_like_one_over_the_gap",
        family="theorem",
        states="buckets on hashed machines: 2 (L + V) rounds per layer, V = O(1 / (eps' - eps)), "
        "w.h.p.",
        proved="Theorem 4.2 of arXiv 2509.09001; funnels: arXiv 1101.1902",
    ),
    Claim(
        "round-trips",
        "reductions.attention_to_mpc.round_trip_bounds:there_and_back_bounds",
        "tests/reductions/attention_to_mpc/test_round_trips.py::"
        "test_protocol_to_transformer_to_protocol",
        family="theorem",
        states="protocol, transformer, protocol, and the other way: the same words, bounds "
        "composed",
        proved="Theorems 4.1 and 4.2 of arXiv 2509.09001",
    ),
    Claim(
        "full-information",
        "reductions.certify.full_information:full_information_rounds",
        "tests/reductions/separations/test_lower_bounds.py::test_no_run_of_full_degree_is_faster",
        BOUNDS,
        family="theorem",
        states="an output word of rational degree D needs ceil(log_s(D / B)) deliveries, B words "
        "of the input on a machine, and no run takes fewer",
        proved="this project, after Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018)",
    ),
    Claim(
        "one-layer-induction",
        "reductions.separations.one_layer:one_layer",
        "tests/reductions/separations/test_one_layer.py::"
        "test_one_narrow_layer_confuses_two_sets_of_followers",
        family="theorem",
        states="one layer of exact match that answers n marked pairs: H (m log2((2^v - 1) n + 1) + "
        "log2(n + 1)) >= n; of ANNA with l n for n; of softmax H (m + 1) b >= n",
        proved="counting sums, after arXiv 2408.14332",
    ),
    Claim(
        "rational-degree",
        "reductions.problems.degrees:rational_degree",
        "tests/reductions/problems/test_degrees.py::test_a_degree_is_reached_at_small_sizes",
        family="theorem",
        states="D = N for sum, minimum, sorting, Match2, 3-SUM, one hop and two; v (v - 1) / 2 for "
        "connectivity and triangles of a graph with room for a clique of v vertices",
        proved="ours, by a coefficient that is not 0",
    ),
    Claim(
        "round-optimal-sums",
        "mpc_sim.stages.butterfly:Butterfly",
        "tests/mpc_sim/stages/test_butterfly.py::test_upper_is_lower_on_the_grid",
        family="theorem",
        states="a sum on M = ceil(N / block) machines takes ceil(log_s M) rounds, as many as it "
        "needs, where M = s^L or M <= s (s - 1)^(L - 1)",
        proved="lower: Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018); upper: a butterfly, "
        "ours",
    ),
    Claim(
        "depth-follows-rounds",
        "reductions.separations.lower_bounds:DepthLowerBound",
        "tests/reductions/separations/test_lower_bounds.py::"
        "test_depth_of_every_mechanism_that_is_simulated",
        BOUNDS,
        family="theorem",
        states="R rounds needed are R / q layers where q rounds simulate a layer, so for the "
        "widths at which they do; k-hop over many letters: one per doubling",
        proved="Theorem 4.2 of arXiv 2509.09001; arXiv 2402.09268 under the 1-vs-2-cycle "
        "conjecture",
    ),
    Claim(
        "stand-in",
        "anna_model.surrogate.expected:ExpectedCollisions",
        "tests/anna_model/surrogate/test_surrogate.py::"
        "test_many_tables_approach_the_expected_collisions",
        LEARNED,
        family="theorem",
        states="the more tables, the nearer Algorithm 1 comes to its stand-in, the expected "
        "collisions",
        proved="in place of softmax in section 5.3 of arXiv 2509.09001",
    ),
    Claim(
        "learned-match2",
        "anna_model.surrogate.shipped_weights:shipped",
        "tests/reductions/experiments/test_experiment.py::"
        "test_match2_retrieves_and_does_not_average",
        LEARNED,
        family="theorem",
        states="Match2 learned and carried into ANNA: no error on 256 samples at 8 tables, by "
        "retrieval",
        proved="section 5.3 of arXiv 2509.09001, measured on shipped weights",
    ),
)
