"""Good values: GOOD by the names of parameters, `calls` where a name means something else."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rlentropy.audits import explorers
from rlentropy.discounted import environments as discounted
from rlentropy.discounted import natural_gradient
from rlentropy.episodic import environments as episodic
from rlentropy.episodic import visitation
from rlentropy.learners import entgame, entgame_plain, optimistic_soft_vi, regularized_game
from rlentropy.learners.on_simulator import EntGame, Explorer
from rlentropy.learners.simulator import Sampler
from rlentropy.learners.stopping import StoppingRule
from rlentropy.report import entropy_report
from rlentropy.stand_ins import Taxi
from rlentropy.studies import neural_policy, sequence_controls, sequence_model
from rlentropy.trainers import EntropyProbe

DATA = Path(__file__).parents[2] / "notebooks" / "data"
RNG = np.random.default_rng(7)
MDP = discounted.garnet(states=3, actions=2, branching=2, gamma=0.9, seed=1)
CHAIN = episodic.garnet(states=3, actions=2, horizon=3, branching=2, seed=1, stationary=True)
STAGES = episodic.garnet(states=3, actions=2, horizon=3, branching=2, seed=1)
POLICY = RNG.dirichlet(np.ones(2), size=(3, 3))
VISITS = visitation.policy_visitation(CHAIN, POLICY)
LOG_P = np.log(RNG.dirichlet(np.ones(4), size=2))
LOG_Q = np.log(RNG.dirichlet(np.ones(4), size=2))
ADV = RNG.standard_normal((2, 4))
ROWS = RNG.dirichlet(np.ones(3), size=2)
THERE = np.ones((3, 2), dtype=bool)
UNIFORM = np.full((3, 3), 1 / 3)
CASES = np.array([[0, 1, 2], [0, 2, 1]])
# What a learner has seen in two episodes: visits, and moves to the next stage.
N = np.array([[[2.0, 1], [0, 0], [0, 0]], [[0, 1], [1, 1], [0, 0]], [[1, 1], [1, 0], [0, 0]]])
MOVES = np.zeros((2, 3, 2, 3))
MOVES[0, 0, 0, 1], MOVES[0, 0, 1, 0], MOVES[1, 0, 1, 0] = 2, 1, 1
MOVES[1, 1, 0, 1], MOVES[1, 1, 1, 0] = 1, 1


def uniform(_):
    """A policy of two actions."""
    return [Fraction(1, 2)] * 2


def same(x):
    return x


def axes():
    return Figure().subplots()


def even(answers):
    return np.asarray(answers)[:, 0] % 2 == 0


TASK = sequence_model.sequence_task(2, 2, even)
TABLE = RNG.standard_normal((TASK.prefixes, TASK.symbols))


class Answer:
    """A class for `results.result` to decorate."""

    x: int


class Table:
    P = {0: {0: [(1.0, 1, 1.0, False)], 1: [(1.0, 0, 0.0, True)]}, 1: {0: [(1.0, 0, 0.0, False)]}}  # noqa: RUF012


class Pairs:
    R, Q, beta = np.zeros((2, 2)), np.full((2, 2, 2), 0.5), 0.9


# ------------------------------------------------------------------------------------------ by name


def within(good, otherwise, *places):
    """A value in modules whose names begin so, and another one elsewhere."""
    return lambda module, _: good if module.startswith(places) else otherwise


def beside(good, otherwise, other):
    """A value where another parameter stands beside it, and another one elsewhere."""
    return lambda _, names: good if other in names else otherwise


def state_values(in_discounted, in_episodic):
    return within(in_discounted, in_episodic, "discounted", "studies")


# Name of a parameter -> value, or function of the module and of the names of all parameters.
GOOD = {
    # models and what belongs to them
    "mdp": state_values(MDP, CHAIN),
    "pi": state_values(RNG.dirichlet(np.ones(2), size=3), POLICY),
    "d": state_values(np.full(3, 1 / 3), VISITS),
    "V": state_values(np.ones(3), np.ones((3, 3))),
    "P": STAGES.dense(),
    "start": 0,
    "goal": 1,
    "reward": RNG.standard_normal((3, 3, 2)),
    "policy": lambda *_: uniform,
    "law": {(0, 0): Fraction(1, 2), (1, 0): Fraction(1, 2)},
    "n": beside(N, np.array([0, 1, 7]), "moves"),
    "moves": MOVES,
    "counts": within(N, np.array([3, 0, 2]), "learners"),
    "symbols": np.array([0, 2, 1]),
    "outcomes": np.eye(3)[[0, 1, 1]],
    "weights": np.array([0.5, 0.5]),
    "policy_entropy": np.array([1.0, 0.8, 0.5, 0.2]),
    "rho": np.full((3, 2), 1 / 6),
    "signs": np.ones((1, 2, 1)),
    "task": TASK,
    "penalty": "state",
    "drop_unreachable": True,
    "last_transition": False,
    "average": False,
    "stationary": True,
    "sparse_kernel": False,
    "reset": False,
    # distributions, logits and what is averaged
    "theta": lambda _, names: (
        TABLE if "task" in names else np.zeros((3, 2)) if "mdp" in names else ADV * 0.5
    ),
    "direction": beside(np.array([[1.0, 0.0]] * 3), ADV, "mdp"),
    "adv": ADV,
    "log_pi": LOG_P,
    "log_p": LOG_P,
    "log_q": LOG_Q,
    "log_old": LOG_P,
    "log_new": LOG_Q,
    "p": np.exp(LOG_P),
    "f": ADV,
    "g": ADV[::-1],
    "k": ADV**2,
    "q": ADV,
    "x": ADV,
    "r": ADV,
    "covariance": ADV,
    "selected": np.array([[1, 0, 0, 1], [0, 0, 1, 0]], dtype=bool),
    "rewards": np.array([0.0, 1.0, 0.5]),
    "logits": ADV,
    "old_logits": ADV,
    "new_logits": ADV + 0.1 * LOG_P,
    "where": np.array([True, True]),
    "coefficient": 0.1,
    "gradient": "natural",
    "unit": 1e-7,
    # sizes and numbers of things
    "S": 3,
    "A": 2,
    "H": 3,
    "m": 3,
    "T": lambda module, names: (
        3 if module.startswith("exact") else [2, 3] if "mdp" in names else 500.0
    ),
    "t": 3,
    "shape": (2, 4),
    "seed": 1,
    "episodes": 3,
    "steps": 2,
    "sweeps": 2,
    "iterations": 2,
    "max_iterations": 1000,
    "inner_iterations": 400,
    "actions": 2,
    "states": 3,
    "branching": 2,
    "rows": 2,
    "cols": 2,
    "length": 3,
    "horizon": 3,
    "reach": 2,
    "sides": 2,
    "arms": 5,
    "count": 1,
    "paths": 2,
    "updates": 1,
    "batches": 1,
    "group": 2,
    "checkpoints": [1, 3],
    "jobs": 1,
    "block": 2,
    "order": 1.5,
    # probabilities, rates and levels
    "delta": within(ADV * 0.1, 0.1, "distributions"),
    "eta": 0.5,
    "tau": 0.2,
    "gamma": 0.9,
    "n0": 1.0,
    "eps": 0.5,
    "success": 0.8,
    "stay": 0.5,
    "failure": 0.1,
    "budget": 1.0,
    "beta": 0.3,
    "tol": 1e-6,
    "bonus_scale": 1.0,
    "temperature": 1.0,
    "alpha": 1.2,
    "share": 0.3,
    "step": 1.5,
    "least": 0.1,
    "optimistic_value": 3.0,
    "evaluate": False,
    "progress": False,
    "ceiling": "source",
    "unvisited": "ceiling",
    "saturated": "unclipped",
    "rule": "first",
    "method": "auto",
    "bound": lambda *_: lambda T, *_: T**0.5,
    # drawings and the house's own refusals: ``name`` is that of the argument after it
    "ax": lambda *_: axes(),
    "values": np.arange(6.0),
    "levels": 3,
    "filled": True,
    "colour": "blue",
    "name": lambda _, names: list(names)[1],
    "function": lambda *_: same,
    "total": 3,
}


def good_value(module, names, name):
    """The good value of a parameter by its name, beside the others of its function."""
    value = GOOD[name]
    return value(module, names) if callable(value) else value


# -------------------------------------------------------------------------------------- by function


@cache
def calls():
    """Name of a function below rlentropy -> arguments that GOOD does not tell; ... for one that is
    left out. A class is tried if it stands here.
    """
    parts = (_ground(), _models(), _learners(), _audits(), _studies())
    return {
        f"{module}.{name}": arguments
        for part in parts
        for module, functions in part.items()
        for name, arguments in functions.items()
    }


def _ground():
    probe = EntropyProbe(same)
    pairs = np.array([[True, True, False], [True, False, False]])
    checks = {
        f"check_{name}": {"x": x}
        for name, x in {
            "callable": same,
            "flag": True,
            "integer": 3,
            "nonnegative": 0.5,
            "number": 0.5,
            "path": "a",
            "positive": 0.5,
        }.items()
    }
    return {
        "adapters": {
            "from_gymnasium": {"env": Table(), "horizon": ...},
            "from_mdptoolbox": {
                "P": np.full((2, 3, 3), 1 / 3),
                "R": np.ones((3, 2)),
                "start": np.full(3, 1 / 3),
                "horizon": ...,
            },
            "from_quantecon": {"ddp": Pairs(), "horizon": ...},
        },
        "confidence": {
            "fannes_width": {"eps": np.array([0.1, 0.3])},
            "visits_radius": {"T": np.array([10.0, 100.0])},
        },
        "distributions": {"binary_entropy": {"x": np.array([0.1, 0.5])}},
        "files": {"load": {"path": __file__}, "save": {"path": "/nowhere/at/all.npz", "x": CHAIN}},
        "logit_entropy": {
            "bonus_effect": {"advantages": ADV**2},
            "check_bonus": {"without_bonus": LOG_P, "with_bonus": LOG_P + 0.1 * ADV},
            "entropy_averages": {"entropies": np.arange(6.0).reshape(2, 3), "where": pairs},
            "tempered_entropy": {"temperature": np.array([1.0, 2.0])},
            "top_k_entropy_interval": {
                "top_log_probs": np.log([[0.5, 0.2], [0.4, 0.3]]),
                "actions": 9,
            },
        },
        "parallel": {"run_seeds": {"seeds": [1, 2]}},
        "plotting": {
            "entropy_contours": {"levels": np.array([0.2, 0.8])},
            "figure": {"width": 3.0, "height": 2.0},
            "heat_map": {"values": ROWS, "vmin": 0.0, "vmax": 1.0},
            "run_band": {"x": np.arange(3.0), "runs": ROWS, "style": "-"},
            "simplex_axes": {"labels": ["one", "two", "three"]},
            "simplex_curve": {"level": 1.0},
            "simplex_path": {"policies": ROWS, "arrow": True},
            "simplex_points": {"p": ROWS},
            "visit_maps": {"axes": [axes()], "visits": {"map": ROWS}, "most": 10.0},
        },
        "portable": {"log": {"x": ADV**2}, "log1p": {"x": ADV**2}},
        "report": {
            "EntropyReport.to_dict": {"tokens": True},
            "EntropyReport.to_html": {"title": "A run"},
            "entropy_report": {
                "actions": np.array([0, 3]),
                "advantages": np.array([0.5, -1.0]),
                "clip": 0.2,
                "top": 2,
                "bounds": True,
            },
        },
        "results": {"result": {"cls": Answer}},
        "seeds": {"spawn": {"count": 2}},
        "stand_ins": {"Taxi.action_mask": {"state": 3}, "Taxi.step": {"action": 1}},
        "trainers": {
            "EntropyProbe": {"read": same, "every": 2, "prefix": "entropy/"},
            "EntropyProbe.around": {"update": same, "model": list, "add": dict.update},
            "trl_callback": {"probe": probe, "send": None},
        },
        "validation": {
            **checks,
            "check_available": {"x": THERE, "shape": (3, 2)},
            "check_choice": {"x": "a", "choices": ("a", "b")},
            "check_indices": {"x": CASES, "size": 3, "shape": (2, 3)},
            "check_interval": {"x": 0.5, "low": 0.0, "high": 1.0},
            "check_kernel": {"P": CHAIN.dense()[0], "available": THERE},
            "check_kind": {"x": CHAIN, "kind": type(CHAIN)},
            "check_mask": {"x": THERE, "shape": (3, 2)},
            "check_sparse_kernel": {"P": CHAIN.P[0], "available": THERE},
            "normalised": {"P": ROWS, "atol": 1e-3},
        },
    }


def _models():
    theta = np.zeros((3, 2))
    steps = {"T": np.array([1, 5])}
    return {
        "discounted.entropy_dynamics": {"regression_slope": {"t": np.array([0.1, 0.2])}},
        "discounted.environments": {"tied_garnet": {"ties": 1}},
        "discounted.exploration": {
            "mirror_ascent": {"start": np.full((3, 2), 0.5)},
            "policy_divergence": {"other": np.array([[0.1, 0.2], [0.1, 0.2], [0.2, 0.2]])},
        },
        "discounted.long_run": {"nearest_policy": {"allowed": THERE}},
        "discounted.mdp": {"DiscountedMDP": {"P": MDP.P, "r": MDP.r, "mu": MDP.mu}},
        "discounted.trajectories": {
            "along_run": {"run": natural_gradient.run(MDP, theta, eta=0.5, iterations=2)},
            "difference": {"theta_old": theta, "theta_new": np.eye(3, 2)},
            "visitation_shift": {"pi_old": np.full((3, 2), 0.5), "pi_new": POLICY[0]},
        },
        "episodic.forecaster": {
            "minimax_regret": steps,
            "simple_bound": steps,
            "worst_regret": steps,
        },
        "episodic.induction": {"deterministic_policy": {"actions": np.zeros((3, 3), int)}},
        "episodic.max_entropy.average": {"average_dual_value": {"y": np.ones((3, 2))}},
        "episodic.max_entropy.mirror": {
            "mirror_ascent": {"start": POLICY},
            "path_divergence": {"d_other": VISITS},
        },
        "episodic.max_entropy.sum": {"certificate": {"d_bar": VISITS}},
        "episodic.mdp": {
            "EpisodicMDP": {"start": np.full(3, 1 / 3), "available": THERE},
            "EpisodicMDP.kernel": {"h": 0},
        },
        "episodic.visitation": {
            "markov_policy": {"available": THERE},
            "mixture": {"ds": np.stack([VISITS, VISITS])},
        },
        "exact.histories": {"draw_once": {"policies": [uniform, uniform]}},
        "exact.trajectories": {
            "enumerate_trajectories": {"policy": POLICY},
            "exact_chain_rule": {"transitions": 2},
            "log_prime_coefficients": {"terms": [(1, Fraction(3, 4)), (2, 6)]},
            "marginal": {"places": [0]},
            "rational_mdp": {"horizon": 2, "denominator": 12},
        },
    }


def methods():
    """Methods that take an argument, bound: name below rlentropy -> method."""
    report = entropy_report(ADV, LOG_P)
    taxi = Taxi()
    taxi.reset(seed=1)
    return {
        "audits.explorers.Score.seen": explorers.judge(CHAIN, 3, POLICY, 1).seen,
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


def _memory(stages, *seen):
    """What EntGame has seen, per stage, or pooled in one."""
    found = entgame_plain.Memory(stages, 3, 2)
    for visit in seen:
        found.record(*visit)
    return found


def _learners():
    run = entgame.run(CHAIN, 3, 1, evaluate=False)
    staged = {
        "memory": _memory(3, (0, 0, 0, 1), (1, 1, 1, 0), (2, 0, 0, None)),
        "tables": entgame._stage_tables(CHAIN, entgame.settings("per stage", 4)),
    }
    pooled = {
        "memory": _memory(1, (0, 0, 0, 1), (0, 1, 1, 0), (0, 0, 0, 0)),
        "tables": entgame._pooled_tables(CHAIN, entgame.settings("pooled", 4)),
        "luck": np.array([0.1, 0.5, 0.9]),
    }
    model = {"env": (int, int), "states": 3, "available": THERE}
    seen = {"states": CASES, "actions": CASES % 2}
    sampler = Sampler(CHAIN, 1, numbers=5, done=1)
    return {
        "learners.entgame": {
            "resume": {"run": run, "checkpoints": [4]},
            "reward_bound": {"t": np.arange(3)},
            "run_pooled": {"ties": ...},
        },
        "learners.entgame_plain": {"Memory": {"stages": 3}, "plan": staged, "plan_pooled": pooled},
        "learners.on_simulator": {
            "EntGame": model,
            "EntGame.resume": {"env": _sampler(), "run": _explorer().play(1)},
            "Explorer": model | {"learner": "RF-UCRL", "action_seed": 2},
            "Explorer.resume": {"env": sampler, "run": _drawing().play(1)},
        },
        "learners.rf_ucrl": {"RewardFreeOptions": {"ties": ...}},
        "learners.simulator": {
            "Sampler": {"done": 0, "numbers": 6},
            "Sampler.step": {"action": 1},
            "counts": seen,
            "transition_counts": seen,
        },
        "learners.stopping": {"StoppingRule": {}},
        "learners.ucbvi_ent": {"Options": {}},
    }


def _audits():
    chosen = {"actions": np.zeros((3, 3), int)}
    values = {"Q": RNG.random((3, 3, 2)), "U": RNG.random((3, 3, 2)), "ceiling": 0.5}
    gaps = {"eps": np.array([2.0])}
    soft = list(optimistic_soft_vi.play(CHAIN, 3, 1))
    game = list(regularized_game.play(CHAIN, 3, 1))
    small = {"eta": 0.03}
    return {
        "audits.entgame": {
            "comparison": {"left": 1.0, "right": 2.0},
            "count_deficit": {"small": 0.02, "large": 0.05},
            "divergence_excess": {"p": np.array([0.3, 0.7]), "price": 1.0},
            "measure": {"optimum": 3.0},
            "return_moments": chosen,
            "summed_variance": chosen,
            "tex": {"x": 0.5},
        },
        "audits.explorers": {
            "Score.seen": {"k": 1},
            "episodes_to_gap": gaps | {"optimum": 4.0, "most": 100},
            "exponent": {"x": np.array([1.0, 2, 4]), "y": np.array([[1.0, 3, 4], [1, 2, 5]])},
            "judge": {"explorer": POLICY},
            "line_up": {"clip": True},
            "policy_of": {"run": entgame.run(CHAIN, 3, 1)},
            "table": {"scores": {}},
        },
        "audits.hellinger": {
            "distance": {"p": np.array([0.5, 0.5]), "q": np.array([0.2, 0.8])},
            "visits": {"blocks": game},
        },
        "audits.lower_bound": {
            "divergence": small,
            "least_episodes": {"eps": 0.0003, "kind": "visitation"},
            "least_episodes_sizes": {"eps": 0.0003},
            "least_error": small | {"trials": 20},
            "many_worlds": small | {"spare": True},
            "worlds": small,
            "wrong_share": {"policy": np.full((3, 2, 2), 0.5)},
        },
        "audits.optimistic_soft_vi": {"measure": {"blocks": soft}},
        "audits.regularized_game": {
            "forecast_squares": {"r": np.array([0.5, 0.3, 0.2])},
            "measure": {"blocks": game},
            "payoff": {"q": UNIFORM},
            "soft_answer": {"q": UNIFORM},
            "visitations": {"Q": RNG.random((2, 3, 3, 2))},
        },
        "audits.sample_complexity": {
            "episodes_to_gap": gaps | {"learner": "EntGame, no bonus", "most": 20}
        },
        "audits.saturation": {"choose": values},
    }


def _studies():
    one = {"log_pi": LOG_P[0], "adv": ADV[0]}
    penalised = one | {"selected": np.array([True, False, False, True])}
    X, answers = neural_policy.modular_addition(3)
    toy = neural_policy.initial_network(inputs=6, hidden=2, actions=3, seed=1)
    levels = np.array([0.9, 0.8])
    banded = np.array([[0.5, 2.0, 0.2, -1.0], [3.0, -0.1, 2.0, -2.0]])  # no choice: two in the band
    tables = {
        f"studies.{name}": {"read": {"path": f"{DATA}/{name}.csv"}}
        for name in ("entropy_levels", "neural_controls", "sequence_controls")
    }
    tables["studies.entropy_levels"]["run"] = {"control": "constrained", "setting": 0.8}
    tables["studies.neural_controls"]["run"] = {"name": "none"}
    tables["studies.sequence_controls"] |= {
        "base_policy": {"found": sequence_controls.task()},
        "run": {"name": "clip"},
    }
    return tables | {
        "studies.constrained_step": {
            "constrained_step": {"entropy": levels},
            "temperature_for_entropy": {"z": ADV, "h": levels},
        },
        "studies.entropy_control": {
            "clip_frontier": one,
            "controlled_run": {"control": "none", "count": ..., "tau": ...},
            "penalised_rate": penalised,
            "penalised_step": penalised,
        },
        "studies.neural_policy": {
            "initial_network": {"inputs": 6, "hidden": 2},
            "modular_addition": {"modulus": 3},
            "train": {"network": toy, "X": X, "answers": answers},
        },
        "studies.reward_entropy_law": {
            "fit_ceiling": {"reward": np.array([0.1, 0.3, 0.6, 0.9])},
            "fit_law": {
                "policy_entropy": np.linspace(1.0, 0.1, 9),
                "reward": np.linspace(0.1, 0.9, 9) ** 2,
            },
            "fit_rate": {"gap": np.array([0.9, 0.7, 0.4, 0.1]), "b": 0.0},
            "geometric_law": {"mean_index": np.array([2.0, 3.0])},
            "law_amplitude": {"density": 1.0},
            "law_path": {"gaps": np.array([0.0, 0.5, 1.0]), "t": np.array([0.0, 1.0])},
            "law_run": {"theta": np.zeros(3)},
            "verifiable_curve": {"success": np.array([0.2, 0.5]), "right": 2.0, "wrong": 3.0},
        },
        "studies.sequence_model": {
            "along": {"table": TABLE},
            "draw": {"count": 2},
            "predicted_change": {"change": TABLE + 1.0},
            "sequence_task": {"tokens": 2, "right": even},
        },
        "studies.token_selection": {
            "random_in_band": {
                "rng": np.random.default_rng(1),
                "covariance": banded,
                "band": (0.0, 1.0),
            },
            "within_limits": {"log_ratio": ADV * 0.1, "low": 0.2, "high": 0.2},
        },
    }
