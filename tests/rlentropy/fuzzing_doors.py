"""Good calls of what `fuzzing` cannot put together from names: reports, tables, drawings, oracles,
audits, the house's own refusals.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rlentropy.audits import explorers
from rlentropy.episodic import environments, visitation
from rlentropy.learners import entgame, entgame_plain, optimistic_soft_vi, regularized_game
from rlentropy.learners.on_simulator import EntGame, Explorer
from rlentropy.learners.simulator import Sampler
from rlentropy.learners.stopping import StoppingRule
from rlentropy.report import entropy_report
from rlentropy.stand_ins import Taxi
from rlentropy.studies import sequence_controls
from rlentropy.trainers import EntropyProbe

DATA = Path(__file__).parents[2] / "notebooks" / "data"
RNG = np.random.default_rng(11)
CHAIN = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=1)
P = CHAIN.dense()
PI = RNG.dirichlet(np.ones(2), size=(3, 3))
VISITS = visitation.policy_visitation(CHAIN, PI)
LOGITS = RNG.standard_normal((2, 4))
OTHER = LOGITS + 0.1 * RNG.standard_normal((2, 4))
ROWS = RNG.dirichlet(np.ones(3), size=2)
N = np.array([[[2.0, 1], [0, 0], [0, 0]], [[0, 1], [1, 1], [0, 0]], [[1, 1], [1, 0], [0, 0]]])
MOVES = np.zeros((2, 3, 2, 3))
MOVES[0, 0, 0, 1], MOVES[0, 0, 1, 0], MOVES[1, 0, 1, 0] = 2, 1, 1
MOVES[1, 1, 0, 1], MOVES[1, 1, 1, 0] = 1, 1
SIZES = {"S": 2, "A": 2, "H": 2, "delta": 0.1}
LONG = {"T": 500.0, **SIZES}
LAW = {(0, 0): Fraction(1, 2), (1, 0): Fraction(1, 2)}


def uniform(_):
    """A policy of two actions."""
    return [Fraction(1, 2)] * 2


def same(x):
    return x


def axes():
    return Figure().subplots()


def memory():
    """What EntGame has seen after two episodes, per stage."""
    found = entgame_plain.Memory(3, 3, 2)
    for h, s, a, after in ((0, 0, 0, 1), (1, 1, 1, 0), (2, 0, 0, None)):
        found.record(h, s, a, after)
    return found


def pooled():
    """The same for the pooled variant, one stage for all."""
    found = entgame_plain.Memory(1, 3, 2)
    for s, a, after in ((0, 0, 1), (1, 1, 0), (0, 0, 0)):
        found.record(0, s, a, after)
    return found


def calls():
    """Good calls: name of the function below rlentropy -> arguments."""
    found = {}
    for part in (
        _logits,
        _of_methods,
        _trainers,
        _exact,
        _drawings,
        _house,
        _tables,
        _learners,
        _audits,
        _regularised,
    ):
        found |= part()
    return found


def _logits():
    sampled = {
        "actions": np.array([0, 3]),
        "advantages": np.array([0.5, -1.0]),
        "where": np.array([True, True]),
        "clip": 0.2,
    }
    limits = {"temperature": 1.0, "top": 2, "unit": 1e-7, "bounds": True, "jobs": 1}
    return {
        "report.entropy_report": {
            "old_logits": LOGITS,
            "new_logits": OTHER,
            **sampled,
            **limits,
        },
        "report.EntropyReport.to_dict": {"tokens": True},
        "report.EntropyReport.to_html": {"title": "A run"},
        "logit_entropy.tempered_entropy": {"logits": LOGITS, "temperature": np.array([1.0, 2.0])},
        "logit_entropy.top_k_entropy_interval": {
            "top_log_probs": np.log([[0.5, 0.2], [0.4, 0.3]]),
            "actions": 9,
        },
        "logit_entropy.entropy_averages": {
            "entropies": np.array([[0.5, 0.2, 1.0], [0.1, 0.3, 0.2]]),
            "where": np.array([[True, True, False], [True, False, False]]),
        },
        "logit_entropy.bonus_effect": {
            "logits": LOGITS,
            "advantages": OTHER,
            "coefficient": 0.1,
            "step": 1.0,
            "gradient": "natural",
            "temperature": 1.0,
        },
        "logit_entropy.check_bonus": {
            "old_logits": LOGITS,
            "without_bonus": OTHER,
            "with_bonus": OTHER * 0.99,
            "coefficient": 0.1,
            "where": np.array([True, True]),
            "temperature": 1.0,
            "least": 1e-9,
        },
    }


def methods():
    """Methods that take an argument, bound: name below rlentropy -> method."""
    report = entropy_report(LOGITS, OTHER)
    taxi = Taxi()
    taxi.reset(seed=1)
    score = explorers.judge(CHAIN, 3, PI, 1)
    return {
        "audits.explorers.Score.seen": score.seen,
        "episodic.mdp.EpisodicMDP.kernel": CHAIN.kernel,
        "learners.on_simulator.EntGame.play": _explorer().play,
        "learners.on_simulator.EntGame.resume": EntGame.resume,
        "learners.on_simulator.Explorer.play": _drawing().play,
        "learners.on_simulator.Explorer.resume": Explorer.resume,
        "learners.simulator.Sampler.step": _sampler().step,
        "learners.stopping.StoppingRule.satisfied": StoppingRule(0.5, delta=0.1).satisfied,
        "report.EntropyReport.to_dict": report.to_dict,
        "report.EntropyReport.to_html": report.to_html,
        "stand_ins.Taxi.action_mask": taxi.action_mask,
        "stand_ins.Taxi.reset": taxi.reset,
        "stand_ins.Taxi.step": taxi.step,
        "trainers.EntropyProbe.around": EntropyProbe(same).around,
    }


def _explorer():
    return EntGame(_sampler(), horizon=3, states=3, actions=2)


def _drawing():
    sampler = Sampler(CHAIN, 1, numbers=5)
    return Explorer(sampler, "regularised game", horizon=3, states=3, actions=2)


def _sampler():
    sampler = Sampler(CHAIN, 1)
    sampler.reset()
    return sampler


def _of_methods():
    return {
        "audits.explorers.Score.seen": {"k": 1},
        "episodic.mdp.EpisodicMDP.kernel": {"h": 0},
        "learners.on_simulator.EntGame.play": {"episodes": 1, "progress": False},
        "learners.on_simulator.EntGame.resume": {"env": _sampler(), "run": _explorer().play(1)},
        "learners.on_simulator.Explorer.play": {"episodes": 1, "progress": False},
        "learners.on_simulator.Explorer.resume": {
            "env": Sampler(CHAIN, 1, numbers=5, done=1),
            "run": _drawing().play(1),
        },
        "learners.simulator.Sampler.step": {"action": 1},
        "learners.stopping.StoppingRule.satisfied": {
            "episodes": 3,
            "optimistic_value": 3.0,
            "counts": N,
        },
        "stand_ins.Taxi.action_mask": {"state": 3},
        "stand_ins.Taxi.reset": {"seed": 1},
        "stand_ins.Taxi.step": {"action": 1},
    }


def _trainers():
    probe = EntropyProbe(same)
    return {
        "trainers.EntropyProbe": {"read": same, "every": 2, "prefix": "entropy/"},
        "trainers.trl_callback": {"probe": probe, "send": None},
        "trainers.EntropyProbe.around": {"update": same, "model": list, "add": dict.update},
    }


def _exact():
    counts = {"counts": np.array([2, 1]), "n0": 1}
    episodes = {"P": P, "start": 0}
    return {
        "exact.forecaster.count_vectors": {"T": 3, "m": 2},
        "exact.forecaster.shtarkov_sum": {"T": 3, "m": 2},
        "exact.forecaster.probability": counts,
        "exact.forecaster.exp_regret": counts,
        "exact.histories.episode_law": episodes | {"policy": uniform},
        "exact.histories.visitation_by_enumeration": episodes | {"policy": uniform},
        "exact.histories.draw_once": {
            "weights": np.array([0.5, 0.5]),
            "policies": [uniform, uniform],
        },
        "exact.trajectories.enumerate_trajectories": episodes | {"policy": PI},
        "exact.trajectories.exact_chain_rule": episodes | {"pi": PI, "transitions": 2},
        "exact.trajectories.law_entropy": {"law": LAW},
        "exact.trajectories.exact_entropy": {"law": LAW},
        "exact.trajectories.joint_entropy": {"law": LAW},
        "exact.trajectories.marginal": {"law": LAW, "places": [0]},
        "exact.trajectories.log_prime_coefficients": {"terms": [(1, Fraction(3, 4)), (2, 6)]},
        "exact.trajectories.rational_mdp": {
            "states": 2,
            "actions": 2,
            "horizon": 2,
            "seed": 1,
            "denominator": 12,
        },
        "exact.trajectories.history_policy": {"mdp": CHAIN, "seed": 1},
    }


def _drawings():
    field = {"ax": axes(), "values": np.arange(6.0), "steps": 2}
    return {
        "plotting.use_style": {},
        "plotting.figure": {"rows": 1, "cols": 1, "width": 3.0, "height": 2.0},
        "plotting.heat_map": {"ax": axes(), "values": ROWS, "vmin": 0.0, "vmax": 1.0},
        "plotting.simplex_points": {"p": ROWS},
        "plotting.simplex_grid": {"steps": 3},
        "plotting.simplex_axes": {"ax": axes(), "labels": ["one", "two", "three"]},
        "plotting.simplex_field": field | {"levels": 3, "filled": True},
        "plotting.entropy_contours": {
            "ax": axes(),
            "levels": np.array([0.2, 0.8]),
            "steps": 6,
            "filled": True,
        },
        "plotting.simplex_curve": field | {"level": 1.0, "colour": "blue"},
        "plotting.simplex_path": {
            "ax": axes(),
            "policies": ROWS,
            "colour": "blue",
            "arrow": True,
        },
        "plotting.run_band": {
            "ax": axes(),
            "x": np.arange(3.0),
            "runs": ROWS,
            "colour": "blue",
            "style": "-",
        },
        "plotting.visit_maps": {
            "axes": [axes()],
            "visits": {"map": ROWS},
            "least": 0.1,
            "most": 10.0,
        },
    }


class Answer:
    """A class for `results.result` to decorate."""

    x: int


def _house():
    checks = {
        "check_array": {"shape": (2, 3)},
        "check_distribution": {"shape": (2, 3)},
        "check_extended": {"shape": (2, 3)},
        "check_log_distribution": {"shape": (2, 3)},
        "check_log_weights": {"shape": (2, 3)},
        "check_rewards": {},
    }
    values = {"p": ROWS, "log_p": np.log(ROWS), "r": ROWS}
    found = {}
    for name, more in checks.items():
        key = {"check_distribution": "p", "check_log_distribution": "log_p", "check_rewards": "r"}
        key = key.get(name, "x")
        found[f"validation.{name}"] = {"name": key, key: values.get(key, ROWS), **more}
    numbers = {
        "check_number": 0.5,
        "check_nonnegative": 0.5,
        "check_positive": 0.5,
        "check_integer": 3,
        "check_flag": True,
    }
    found |= {f"validation.{name}": {"name": "x", "x": x} for name, x in numbers.items()}
    kernel = P[0]
    there = np.ones((3, 2), dtype=bool)
    return found | {
        "validation.check_confidence": {"name": "delta", "delta": 0.5},
        "validation.check_discount": {"name": "gamma", "gamma": 0.5},
        "validation.check_available": {"name": "x", "x": there, "shape": (3, 2)},
        "validation.check_callable": {"name": "x", "x": same},
        "validation.check_path": {"name": "x", "x": "a"},
        "validation.check_reals": {"name": "x", "x": ROWS, "shape": (2, 3)},
        "validation.check_choice": {"name": "x", "x": "a", "choices": ("a", "b")},
        "validation.check_indices": {"name": "x", "x": np.array([0, 1]), "size": 2},
        "validation.check_interval": {"name": "x", "x": 0.5, "low": 0.0, "high": 1.0},
        "validation.check_kernel": {"name": "P", "P": kernel, "available": there},
        "validation.check_kind": {"name": "x", "x": CHAIN, "kind": type(CHAIN)},
        "validation.check_mask": {"name": "x", "x": there, "shape": (3, 2)},
        "validation.check_sizes": {},
        "validation.is_all": {"jobs": 1},
        "validation.check_sparse_kernel": {"name": "P", "P": CHAIN.P[0], "available": there},
        "validation.normalised": {"P": ROWS, "atol": 1e-3},
        "results.described": {"x": CHAIN},
        "results.result": {"cls": Answer},
        "results.shown": {"x": ROWS},
        "parallel.progress_bar": {"total": 3, "unit": "run"},
        "parallel.run_seeds": {"function": same, "seeds": [1, 2], "jobs": 1},
    }


def _tables():
    return {
        "studies.entropy_levels.run": {"control": "constrained", "setting": 0.8, "seed": 1},
        "studies.neural_controls.run": {"name": "none", "seed": 1, "updates": 1},
        "studies.sequence_controls.base_policy": {"found": sequence_controls.task()},
        "studies.sequence_controls.run": {"name": "clip", "seed": 1, "batches": 1},
        "studies.sequence_controls.task": {},
        **{
            f"studies.{name}.read": {"path": f"{DATA}/{name}.csv"}
            for name in ("entropy_levels", "neural_controls", "sequence_controls")
        },
    }


def _learners():
    config = entgame.settings("per stage", 4)
    alone = entgame.settings("pooled", 4)
    run = {"mdp": CHAIN, "episodes": 3, "seed": 1}
    return {
        "learners.entgame_plain.Memory": {"stages": 3, "S": 3, "A": 2},
        "learners.entgame_plain.plan": {
            "memory": memory(),
            "t": 1,
            "tables": entgame._stage_tables(CHAIN, config),
            "saturated": "unclipped",
            "unvisited": "ceiling",
        },
        "learners.entgame_plain.plan_pooled": {
            "memory": pooled(),
            "t": 1,
            "tables": entgame._pooled_tables(CHAIN, alone),
            "H": 3,
            "luck": np.array([0.1, 0.5, 0.9]),
        },
        "learners.entgame_plain.run": run | {"unvisited": "ceiling"},
        "learners.entgame_plain.run_pooled": run,
        "learners.entgame_plain.tables": {"mdp": CHAIN, "episodes": 4},
        "learners.stopping.StoppingRule": {"eps": 0.5, "delta": 0.1},
        "learners.stopping.certified_gap": {
            "optimistic_value": 3.0,
            "counts": N,
            "delta": 0.1,
        },
        "learners.stopping.entropy_of_visits": {"counts": N},
    }


def _audits():
    moved = {"n": N, "moves": MOVES, "t": 3}
    values = {"Q": RNG.random((3, 3, 2)), "U": RNG.random((3, 3, 2))}
    policy = {"mdp": CHAIN, "actions": np.zeros((3, 3), int), "reward": RNG.random((3, 3, 2))}
    paths = {"length": 4, "paths": 2, "seed": 1}
    run = {"mdp": CHAIN, "episodes": 3, "seed": 1}
    both = {"n0": 1.0, "bonus_scale": 1.0}
    proof = "audits.entgame"
    soft = "audits.optimistic_soft_vi"
    game = "audits.regularized_game"
    blocks = list(optimistic_soft_vi.play(CHAIN, 3, 1))
    return {
        f"{proof}.azuma_bound": LONG | {"n0": 1.0},
        f"{proof}.binomial_bounds": {"n": np.array([0.0, 3.0]), "S": 3},
        f"{proof}.bound_terms": LONG | both,
        f"{proof}.comparison": {"left": 1.0, "right": 2.0},
        f"{proof}.count_deficit": paths | {"share": 0.6, "small": 0.02, "large": 0.05},
        f"{proof}.divergence_excess": paths | {"p": np.array([0.3, 0.7]), "price": 1.0},
        f"{proof}.episodes_needed": {"eps": 0.5, **SIZES, **both},
        f"{proof}.log_binomial": {"n": np.array([0.0, 3.0]), "S": 3},
        f"{proof}.logarithms": SIZES,
        f"{proof}.measure": {
            "mdp": CHAIN,
            "T": [1, 3],
            "seed": 1,
            "delta": 0.1,
            "saturated": "unclipped",
            "optimum": 3.0,
            **both,
        },
        f"{proof}.pac_bound": LONG | both,
        f"{proof}.return_moments": policy,
        f"{proof}.sampler_bound": LONG | both,
        f"{proof}.shortest_run": SIZES,
        f"{proof}.summed_variance": policy,
        f"{proof}.tex": {"x": 0.5},
        f"{proof}.trivial_bound": {"S": 2, "A": 2, "H": 2},
        f"{proof}.visits_bound": LONG,
        "audits.explorers.episodes_to_gap": {
            "mdp": CHAIN,
            "optimum": 4.0,
            "eps": np.array([2.0]),
            "seed": 1,
            "most": 100,
            "step": 1.5,
        },
        "audits.explorers.exponent": {
            "x": np.array([1.0, 2, 4]),
            "y": np.array([[1.0, 3, 4], [1, 2, 5]]),
        },
        "audits.explorers.judge": {"mdp": CHAIN, "episodes": 3, "explorer": PI, "seed": 1},
        "audits.explorers.line_up": {
            "mdp": CHAIN,
            "episodes": 3,
            "clip": True,
            "checkpoints": [1, 3],
        },
        "audits.explorers.policy_of": {"run": entgame.run(CHAIN, 3, 1)},
        "audits.explorers.table": {"scores": {}},
        f"{soft}.episodes_needed": {"bound": _sublinear, "eps": 0.5, **SIZES},
        f"{soft}.fast_bound": LONG,
        f"{soft}.measure": {"mdp": CHAIN, "blocks": blocks, "T": [1, 3], "delta": 0.1},
        f"{soft}.slow_bound": LONG,
        f"{soft}.width_constants": LONG,
        f"{game}.episodes_needed": {"bound": _sublinear, "eps": 0.5, **SIZES},
        f"{game}.fast_bound": LONG,
        f"{game}.forecast_price": {"T": 500.0, "S": 3, "H": 3, "delta": 0.1},
        f"{game}.forecast_squares": {
            "symbols": np.array([0, 2, 1]),
            "r": np.array([0.5, 0.3, 0.2]),
        },
        f"{game}.measure": {
            "mdp": CHAIN,
            "blocks": list(regularized_game.play(CHAIN, 3, 1)),
            "T": [2, 3],
            "delta": 0.1,
        },
        f"{game}.payoff": {"d": VISITS, "q": np.full((3, 3), 1 / 3)},
        f"{game}.sampler_bound": LONG,
        f"{game}.slow_bound": LONG,
        f"{game}.soft_answer": {"mdp": CHAIN, "q": np.full((3, 3), 1 / 3)},
        f"{game}.visitations": {"mdp": CHAIN, "Q": RNG.random((2, 3, 3, 2))},
        "audits.sample_complexity.episodes_to_gap": {
            "mdp": CHAIN,
            "learner": "EntGame, no bonus",
            "eps": np.array([0.5]),
            "seed": 1,
            "most": 5,
            "step": 1.5,
        },
        "audits.hellinger.count_margin": {"T": 500.0, "S": 3, "H": 3, "delta": 0.1},
        "audits.hellinger.distance": {"p": np.array([0.5, 0.5]), "q": np.array([0.2, 0.8])},
        "audits.hellinger.sharper_bound": LONG,
        "audits.hellinger.visits": {
            "mdp": CHAIN,
            "blocks": list(regularized_game.play(CHAIN, 3, 1)),
        },
        "audits.lower_bound.divergence": {"eta": 0.03},
        "audits.lower_bound.least_episodes": {"eps": 0.0003, "delta": 0.1, "kind": "visitation"},
        "audits.lower_bound.least_error": {"trials": 20, "eta": 0.03},
        "audits.lower_bound.least_episodes_sizes": {"eps": 0.0003, "S": 2, "A": 2, "H": 3},
        "audits.lower_bound.many_worlds": {"signs": np.ones((1, 2, 1)), "eta": 0.03, "spare": True},
        "audits.lower_bound.worlds": {"eta": 0.03},
        "audits.lower_bound.wrong_share": {
            "policy": np.full((3, 2, 2), 0.5),
            "signs": np.ones((1, 2, 1)),
        },
        "audits.saturation.choose": {**values, "ceiling": 0.5, "rule": "unclipped"},
        "audits.saturation.links": {"mdp": CHAIN, **moved, "rule": "first"},
        "audits.saturation.plan": {**moved, "delta": 0.1, **both},
        "audits.saturation.run": run | {"rule": "first"},
        "audits.variance_bonus.links": {"mdp": CHAIN, **moved, "n0": 1.0, "delta": 0.1},
        "audits.variance_bonus.plan": {**moved, "n0": 1.0, "delta": 0.1},
        "audits.variance_bonus.run": run | {"n0": 1.0, "delta": 0.1},
        "audits.variance_bonus.variance_episodes_needed": {"eps": 0.5, **SIZES, "n0": 1.0},
        "audits.variance_bonus.variance_pac_bound": LONG | {"n0": 1.0},
        "audits.variance_bonus.variance_sampler_bound": LONG | {"n0": 1.0},
    }


def _regularised():
    blocks = list(regularized_game.play(CHAIN, 3, 1))
    name = "audits.regularized_game"
    predicted = np.full((3, 3), 1 / 3)
    return {
        f"{name}.episodes_needed": {"bound": _sublinear, "eps": 0.5, **SIZES},
        f"{name}.fast_bound": LONG,
        f"{name}.forecast_price": {"T": 500.0, "S": 2, "H": 2, "delta": 0.1},
        f"{name}.forecast_squares": {
            "symbols": np.array([0, 2, 1, 0]),
            "r": np.array([0.5, 0.2, 0.3]),
        },
        f"{name}.measure": {"mdp": CHAIN, "blocks": blocks, "T": [2, 3], "delta": 0.1},
        f"{name}.payoff": {"d": VISITS, "q": predicted},
        f"{name}.sampler_bound": LONG,
        f"{name}.slow_bound": LONG,
        f"{name}.soft_answer": {"mdp": CHAIN, "q": predicted},
        f"{name}.visitations": {"mdp": CHAIN, "Q": RNG.random((1, 3, 3, 2))},
        "audits.sample_complexity.episodes_to_gap": {
            "mdp": CHAIN,
            "learner": "EntGame, no bonus",
            "eps": np.array([2.0]),
            "seed": 1,
            "most": 20,
            "step": 1.5,
        },
    }


def _sublinear(T, *_):
    return T**0.5
