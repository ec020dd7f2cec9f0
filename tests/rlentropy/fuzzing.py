"""A good call of every public function, and bad values for each of its arguments.

Functions are found by import. A good call is put together from the names of the parameters (GOOD),
or written out where a name means something else (CALLS). A function for which neither does is a
failure of the test, so a new one has to be given a good call.
"""

import dataclasses
import importlib
import inspect
import pkgutil
from functools import cache

import fuzzing_doors
import numpy as np
from scipy import sparse

import rlentropy
from rlentropy.discounted import environments as discounted
from rlentropy.discounted import natural_gradient
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import environments as episodic
from rlentropy.episodic import visitation
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import entgame
from rlentropy.studies import neural_policy, sequence_model

# Inner pieces, which others call after checking, and what has no input of a user.
INNER = {
    "audits.entgame.Audit.inequalities": "an index into the times of the audit",
    "cli.main": "a command line, with a table of its own in test_fuzz",
    "discounted.evaluation.PolicyInMDP.solve": "a linear solve for checked arrays",
    "discounted.evaluation.PolicyInMDP.solve_transposed": "a linear solve for checked arrays",
    "discounted.mdp.DiscountedMDP.masked": "says where actions are; nothing is computed",
    "discounted.mdp.DiscountedMDP.next_mean": "one product, for checked arrays",
    "discounted.mdp.DiscountedMDP.policy_kernel": "one product, for checked policies",
    "discounted.mdp.DiscountedMDP.policy_reward": "one product, for checked policies",
    "episodic.mdp.EpisodicMDP.next_mean": "one product, for checked arrays",
    "episodic.mdp.EpisodicMDP.start_mean": "one product, for checked arrays",
    "learners.entgame_plain.Memory.add_means": "one sum over checked tables",
    "learners.entgame_plain.Memory.record": "counts what a learner has just seen",
    "logits.change_between": "`entropy_change` under other names, which `check_bonus` gives",
    "results.freeze": "freezes the arrays that it finds in anything",
    "results.lazy": "a decorator",
    "studies.neural_controls.rows": "of a log that `run` made",
    "validation.as_array": "an array of any type",
    "validation.check_axis": "one half of a check, of an array that was made",
    "validation.check_broadcast": "one half of a check, of an array that was made",
    "validation.check_finite": "one half of a check, of an array that was made",
    "validation.check_shape": "one half of a check, of an array that was made",
    "portable.Wide": "two doubles as one number, by compiled code",
    "stand_ins.Taxi": "takes no argument",
    "validation.missing": "words of a refusal",
    "validation.no_overflow": "turns an overflow into a refusal",
    "validation.refuse": "the refusal itself, of an array that was made",
    "studies.entropy_levels.main": "a command of minutes over `run`, which is judged",
    "studies.neural_controls.main": "a command of minutes over `run`, which is judged",
    "studies.sequence_controls.main": "a command of minutes over `run`, which is judged",
    "studies.sequence_controls.summary": "of a log that `run` made",
    "studies.neural_policy.Network.gradient": "on arrays that `train` made",
    "studies.neural_policy.Network.logits": "on arrays that `train` made",
    "studies.neural_policy.Network.moved": "on arrays that `train` made",
    "studies.neural_policy.Network.own_response": "on arrays that `train` made",
    "studies.neural_policy.Network.response": "on arrays that `train` made",
    "trainers.EntropyProbe.after": "hands a model to `read`, which is the user's",
    "trainers.EntropyProbe.before": "hands a model to `read`, which is the user's",
    "trainers.EntropyProbe.of_causal_model": "tensors of torch, in the tests of trainers",
    "episodic.max_entropy.mirror.ascend": "on a compiled network",
    "episodic.max_entropy.mirror.full_policy": "inner step of the solvers",
    "episodic.visitation.push_forward": "says that it does not validate",
    "learners.simulator.flat": "`world` without its refusals",
    "learners.simulator.draws": "counts numbers of a checked MDP",
    "learners.entgame.settings": "makes a `Config`, for `run`",
    "learners.model.dense": "inner state of learners",
    "distributions.check_log_probabilities": "a refusal by a name that is given",
    "distributions.fit": "a refusal by names that are given",
    "learners.model.empty": "inner state of learners",
    "distributions.log_probabilities": "says that it does not validate",
    "transitions.drop_zeros": "inner step of the environments",
    "transitions.garnet_kernel": "inner step of the environments",
    "discounted.entropy_dynamics.joint_cumulants": "algebra on any numbers: fractions, mpmath",
    "discounted.softmax.fisher_of": "inner step of `fisher_matrix`",
    "discounted.long_run.tilted": "inner step of `nearest_policy`",
}

MDP = discounted.garnet(states=3, actions=2, branching=2, gamma=0.9, seed=1)
CHAIN = episodic.garnet(states=3, actions=2, horizon=3, branching=2, seed=1, stationary=True)
RNG = np.random.default_rng(7)
LOG_P = np.log(RNG.dirichlet(np.ones(4), size=2))
LOG_Q = np.log(RNG.dirichlet(np.ones(4), size=2))
ADV = RNG.standard_normal((2, 4))
POLICY = RNG.dirichlet(np.ones(2), size=(3, 3))
VISITS = visitation.policy_visitation(CHAIN, POLICY)
DISCOUNTED = ("discounted", "studies")


def good_value(module, names, name):
    """The good value of a parameter by its name, beside the others of its function."""
    value = GOOD[name]
    return value(module, names) if callable(value) else value


def _either(in_discounted, in_episodic):
    return lambda module, _: in_discounted if module.startswith(DISCOUNTED) else in_episodic


def _of_mdp(beside_one, alone):
    return lambda _, names: beside_one if "mdp" in names else alone


GOOD = {
    "mdp": _either(MDP, CHAIN),
    "theta": _of_mdp(np.zeros((3, 2)), ADV * 0.5),
    "direction": _of_mdp(np.array([[1.0, 0.0]] * 3), ADV),
    "adv": ADV,
    "log_pi": LOG_P,
    "log_p": LOG_P,
    "log_q": LOG_Q,
    "log_old": LOG_P,
    "log_new": LOG_Q,
    "f": ADV,
    "g": ADV[::-1],
    "k": ADV**2,
    "q": ADV,
    "x": ADV,
    "delta": lambda module, _: ADV * 0.1 if module == "distributions" else 0.1,
    "eta": 0.5,
    "tau": 0.2,
    "gamma": 0.9,
    "order": 1.5,
    "T": 500.0,
    "S": 3,
    "A": 2,
    "H": 3,
    "m": 3,
    "n": np.array([0, 1, 7]),
    "n0": 1.0,
    "eps": np.array([0.1, 0.3]),
    "pi": _either(RNG.dirichlet(np.ones(2), size=3), POLICY),
    "d": _either(np.full(3, 1 / 3), VISITS),
    "reward": RNG.standard_normal((3, 3, 2)),
    "V": _either(np.ones(3), np.ones((3, 3))),
    "seed": 1,
    "episodes": 3,
    "steps": 2,
    "sweeps": 2,
    "iterations": 2,
    "max_iterations": 1000,
    "actions": 2,
    "states": 3,
    "branching": 2,
    "ties": 1,
    "rows": 2,
    "cols": 2,
    "success": 0.8,
    "stay": 0.5,
    "length": 3,
    "failure": 0.1,
    "horizon": 3,
    "reach": 2,
    "sides": 2,
    "rewards": np.array([0.0, 1.0, 0.5]),
    "counts": np.array([3, 0, 2]),
    "selected": np.array([[1, 0, 0, 1], [0, 0, 1, 0]], dtype=bool),
    "budget": 1.0,
    "beta": 0.3,
    "penalty": "state",
    "count": 1,
    "tol": 1e-6,
    "bonus_scale": 1.0,
    "temperature": 1.0,
    "alpha": 1.2,
    "drop_unreachable": True,
    "last_transition": False,
    "average": False,
    "stationary": True,
    "sparse_kernel": False,
    "reset": False,
    "evaluate": False,
    "ceiling": "source",
    "method": "auto",
    "checkpoints": [1, 3],
    "inner_iterations": 400,
    "jobs": 1,
    "block": 2,
}
CASES = np.array([[0, 1, 2], [0, 2, 1]])


@cache
def calls():
    """Good calls that names alone do not tell: name of the function -> arguments."""
    theta = np.zeros((3, 2))
    toy = neural_policy.initial_network(inputs=6, hidden=2, actions=3, seed=1)
    X, answers = neural_policy.modular_addition(3)
    task = sequence_model.sequence_task(2, 2, _even)
    logits = np.random.default_rng(2).standard_normal((task.prefixes, task.symbols))
    on_task = {"task": task, "theta": logits}
    mask = np.array([True, False, False, True])
    penalised = {"log_pi": LOG_P[0], "adv": ADV[0], "eta": 0.1, "selected": mask}
    played = {"n0": 1.0, "delta": 0.1, "bonus_scale": 1.0, "evaluate": False, "checkpoints": [1, 3]}
    window = {"policy_entropy": np.array([1.0, 0.8, 0.5, 0.2])}
    return fuzzing_doors.calls() | {
        "adapters.from_gymnasium": {"env": _Table(), "gamma": 0.9, "start": 0},
        "adapters.from_mdptoolbox": {
            "P": np.full((2, 3, 3), 1 / 3),
            "R": np.ones((3, 2)),
            "start": np.full(3, 1 / 3),
            "gamma": 0.9,
        },
        "adapters.from_quantecon": {"ddp": _Pairs(), "start": 0},
        "confidence.visits_radius": {"T": np.array([10.0, 100.0])},
        "discounted.entropy_dynamics.regression_slope": {
            "theta": ADV,
            "adv": ADV**2,
            "t": np.array([0.1, 0.2]),
        },
        "discounted.entropy_dynamics.rounding_error": {"logits": ADV, "unit": 1e-7},
        "discounted.entropy_dynamics.path_integral": {"theta": ADV, "direction": ADV**2},
        "discounted.exploration.mirror_ascent": {"start": np.array([[0.5, 0.5]] * 3)},
        "discounted.exploration.certificate": {"rho": np.full((3, 2), 1 / 6)},
        "discounted.exploration.policy_divergence": {
            "rho": np.full((3, 2), 1 / 6),
            "other": np.array([[0.1, 0.2], [0.1, 0.2], [0.2, 0.2]]),
        },
        "discounted.long_run.nearest_policy": {"allowed": np.ones((3, 2), bool)},
        "discounted.softmax.logits": {"pi": np.array([[0.5, 0.5], [0.2, 0.8]])},
        "discounted.trajectories.along_run": {
            "run": natural_gradient.run(MDP, theta, eta=0.5, iterations=2)
        },
        "discounted.trajectories.difference": {"theta_old": theta, "theta_new": np.eye(3, 2)},
        "discounted.trajectories.visitation_shift": {
            "pi_old": np.full((3, 2), 0.5),
            "pi_new": np.array([[0.1, 0.9]] * 3),
        },
        "distributions.binary_entropy": {"x": np.array([0.1, 0.5])},
        "episodic.environments.grid_world": {"horizon": 2},
        "episodic.forecaster.losses": {"outcomes": np.eye(3)[[0, 1, 1]], "n0": 1.0},
        "episodic.forecaster.regret_curve": {"outcomes": np.eye(3)[[0, 1, 1]], "n0": 1.0},
        **{
            f"episodic.forecaster.{name}": {"T": np.array([1, 5]), "m": 3, "n0": 1.0}
            for name in ("simple_bound", "worst_regret")
        },
        "episodic.forecaster.minimax_regret": {"T": np.array([1, 5])},
        "episodic.max_entropy.mirror.mirror_bound": {"sweeps": np.array([1, 2]), "average": False},
        "episodic.forecaster.one_hot": {"symbols": np.array([0, 2, 1])},
        "episodic.induction.deterministic_policy": {"actions": np.zeros((3, 3), int)},
        "episodic.max_entropy.average.average_dual_value": {"y": np.ones((3, 2))},
        "episodic.max_entropy.mirror.mirror_ascent": {"start": POLICY, "average": False},
        "episodic.max_entropy.mirror.path_divergence": {"d_other": VISITS},
        "episodic.max_entropy.sum.certificate": {"d_bar": VISITS},
        "episodic.visitation.mixture": {
            "weights": np.array([0.5, 0.5]),
            "ds": np.stack([VISITS, VISITS]),
        },
        "episodic.visitation.markov_policy": {"available": np.ones((3, 2), bool)},
        "files.load": {"path": __file__},
        "files.save": {"path": "/nowhere/at/all.npz", "x": CHAIN},
        **{f"learners.entgame.{name}": played for name in ("run", "run_pooled")},
        "learners.entgame.resume": {
            "run": entgame.run(CHAIN, 3, 1, evaluate=False),
            "episodes": 2,
            "checkpoints": [4],
        },
        "learners.entgame.reward_bound": {"t": np.arange(3), "n0": 1.0},
        "learners.simulator.counts": {"states": CASES, "actions": CASES % 2},
        "learners.simulator.transition_counts": {"states": CASES, "actions": CASES % 2},
        "logits.entropy_change": {
            "old_logits": ADV,
            "new_logits": ADV**2,
            "where": np.array([True, True]),
            "temperature": 1.0,
            "jobs": 1,
        },
        "portable.log": {"x": ADV**2},
        "portable.log1p": {"x": ADV**2},
        "seeds.spawn": {"count": 2},
        "studies.entropy_control.controlled_run": {"eta": 0.1, "control": "none"},
        "studies.entropy_control.clip_frontier": {"log_pi": LOG_P[0], "adv": ADV[0], "budget": 0.5},
        "studies.entropy_control.penalised_step": penalised,
        "studies.entropy_control.penalised_rate": penalised,
        "studies.neural_policy.initial_network": {"inputs": 6, "hidden": 2, "actions": 3},
        "studies.neural_policy.modular_addition": {"modulus": 3},
        "studies.neural_policy.train": {
            "network": toy,
            "X": X,
            "answers": answers,
            "updates": 2,
            "step": 0.1,
            "group": 2,
        },
        "studies.constrained_step.constrained_step": {"eta": 0.1, "entropy": np.array([0.9, 0.8])},
        "studies.constrained_step.temperature_for_entropy": {"z": ADV, "h": np.array([0.9, 0.8])},
        "studies.token_selection.top_share": {"covariance": ADV, "share": 0.3},
        "studies.token_selection.random_in_band": {
            "rng": np.random.default_rng(1),
            "covariance": ADV,
            "share": 0.3,
            "band": (0.0, 1.0),
        },
        "studies.token_selection.within_limits": {"log_ratio": ADV * 0.1, "low": 0.2, "high": 0.2},
        "studies.sequence_model.sequence_task": {"tokens": 2, "length": 2, "right": _even},
        "studies.sequence_model.draw": dict(on_task, count=2, seed=1),
        "studies.sequence_model.along": {"task": task, "table": logits},
        "studies.sequence_model.evaluate": on_task,
        "studies.sequence_model.log_answers": on_task,
        "studies.sequence_model.summed_entropies": on_task,
        "studies.sequence_model.predicted_change": dict(on_task, change=logits + 1.0),
        "studies.sequence_model.train": dict(on_task, batches=1, step=0.1, group=2, seed=1),
        "studies.reward_entropy_law.fit_law": {
            "policy_entropy": np.linspace(1.0, 0.1, 9),
            "reward": np.linspace(0.1, 0.9, 9) ** 2,
        },
        "studies.reward_entropy_law.fit_ceiling": window
        | {"reward": np.array([0.1, 0.3, 0.6, 0.9]), "alpha": 1.0},
        "studies.reward_entropy_law.fit_rate": window
        | {"gap": np.array([0.9, 0.7, 0.4, 0.1]), "b": 0.0},
        "studies.reward_entropy_law.geometric_law": {"mean_index": np.array([2.0, 3.0])},
        "studies.reward_entropy_law.law_amplitude": {"arms": 5, "density": 1.0},
        "studies.reward_entropy_law.law_path": {
            "gaps": np.array([0.0, 0.5, 1.0]),
            "t": np.array([0.0, 1.0]),
        },
        "studies.reward_entropy_law.law_run": {
            "rewards": np.array([0.0, 0.5, 1.0]),
            "theta": np.zeros(3),
            "eta": 0.1,
            "gradient": "natural",
        },
        "studies.reward_entropy_law.quantile_gaps": {"arms": 5},
        "studies.reward_entropy_law.verifiable_curve": {
            "success": np.array([0.2, 0.5]),
            "right": 2.0,
            "wrong": 3.0,
        },
        "discounted.mdp.DiscountedMDP": {"P": MDP.P, "r": MDP.r, "mu": MDP.mu},
        "episodic.mdp.EpisodicMDP": {
            "P": CHAIN.dense(),
            "start": np.full(3, 1 / 3),
            "available": np.ones((3, 2), bool),
        },
        "learners.on_simulator.EntGame": {
            "env": (int, int),
            "states": 3,
            "actions": 2,
            "seed": 1,
            "available": np.ones((3, 2), bool),
            "n0": 1.0,
            "delta": 0.1,
            "bonus_scale": 1.0,
            "ceiling": "source",
        },
        "learners.on_simulator.Explorer": {
            "env": (int, int),
            "learner": "RF-UCRL",
            "states": 3,
            "actions": 2,
            "seed": 1,
            "action_seed": 2,
            "available": np.ones((3, 2), bool),
        },
        "learners.simulator.Sampler": {"done": 0, "numbers": 6},
        "learners.rf_ucrl.RewardFreeOptions": {"bonus_scale": 1.0, "delta": 0.1},
        "learners.ucbvi_ent.Options": {"bonus_scale": 1.0, "delta": 0.1},
    }


def _even(answers):
    return np.asarray(answers)[:, 0] % 2 == 0


class _Table:
    P = {0: {0: [(1.0, 1, 1.0, False)], 1: [(1.0, 0, 0.0, True)]}, 1: {0: [(1.0, 0, 0.0, False)]}}  # noqa: RUF012


class _Pairs:
    R, Q, beta = np.zeros((2, 2)), np.full((2, 2, 2), 0.5), 0.9


# -------------------------------------------------------------------------------------- what is there


def _modules():
    for info in pkgutil.walk_packages(rlentropy.__path__, "rlentropy."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield info.name.removeprefix("rlentropy."), importlib.import_module(info.name)


def _own(module):
    """(name, function or class) that is defined in a module, and public."""
    for name, x in vars(module).items():
        if getattr(x, "__module__", None) == module.__name__ and not name.startswith("_"):
            yield name, x


def _methods(cls):
    """Names of the public methods that take an argument, of the class and its bases in its module."""
    for base in cls.__mro__:
        for name, x in vars(base).items() if base.__module__ == cls.__module__ else ():
            x = getattr(x, "__func__", x)
            if inspect.isfunction(x) and not name.startswith("_") and len(_parameters(x)) > 1:
                yield name


def _parameters(function):
    return inspect.signature(function).parameters


def public():
    """{name below rlentropy: function, class that validates or method} over all public modules."""
    found = {}
    methods = fuzzing_doors.methods()
    for module, there in _modules():
        for name, x in _own(there):
            full = f"{module}.{name}"
            if inspect.isfunction(x) or full in calls():
                found[full] = x
            if inspect.isclass(x):
                found |= {f"{full}.{m}": methods.get(f"{full}.{m}") for m in _methods(x)}
    return {full: found[full] for full in sorted(found) if full not in INNER}


def unknown_classes():
    """Public classes that are no answers of functions and have no good call."""
    for module, there in _modules():
        for name, x in _own(there):
            full = f"{module}.{name}"
            answer = inspect.isclass(x) and (
                dataclasses.is_dataclass(x) or issubclass(x, (tuple, Exception))
            )
            if inspect.isclass(x) and not answer and full not in calls() and full not in INNER:
                yield full


def good_call(full, function):
    """Arguments of a good call, by name: those of `calls`, with what they lack from GOOD, or all
    that GOOD has. KeyError naming the parameter that nobody gives.
    """
    module = full.rpartition(".")[0]
    given = calls().get(full)
    parameters = inspect.signature(function).parameters
    arguments = {}
    for name, parameter in parameters.items():
        needed = parameter.default is parameter.empty
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if given is not None and name in given:
            arguments[name] = given[name]
        elif name in GOOD and (needed or given is None):
            arguments[name] = good_value(module, parameters, name)
        elif needed:
            raise KeyError(f"{full}: no good value for {name}")
    return arguments


# ---------------------------------------------------------------------------------------- bad values


def _with(x, value):
    """x with its first entry replaced."""
    y = np.array(x, dtype=np.result_type(x, type(value)))
    y.flat[0] = value
    return y


def bad_arrays(x):
    """What may stand where the array x belongs: name -> value."""
    x = np.asarray(x)
    real = x.astype(float)
    yield "nan", _with(real, np.nan)
    yield "inf", _with(real, np.inf)
    yield "-inf", _with(real, -np.inf)
    yield "huge", _with(real, 1e308)
    yield "all huge", np.full(x.shape, 1.7e308)
    yield "wide", np.where(np.arange(x.size) % 2, -1e308, 1e308).reshape(x.shape)
    yield "negative", -real - 1
    yield "complex", real + 1j
    yield "masked", np.ma.array(real, mask=_with(np.zeros(x.shape, bool), True))
    yield "object", np.full(x.shape, Unknown(), dtype=object)
    yield "strings", real.astype(str)
    yield "dates", np.zeros(x.shape, "datetime64[s]")
    yield "spans", np.zeros(x.shape, "timedelta64[s]")
    yield "axis more", real[None]
    yield "axis less", real[0] if x.ndim > 1 else real.sum()
    yield "longer", np.concatenate([real, real[..., :1]], axis=-1)
    yield "empty", np.zeros((0,) * max(x.ndim, 1))
    yield "none", None
    yield "text", "a"
    yield "ragged", [[1.0, 2.0], [3.0]]
    yield "sparse", sparse.csr_array(np.ones((2, 2)))
    yield "mapping", {"a": 1}
    yield "generator", iter([1.0, 2.0])
    if x.dtype.kind in "ib":
        yield "halves", real + 0.5


class Unknown:
    """An object that is no number, and can be added to one."""

    def __radd__(self, other):
        return self

    __add__ = __radd__

    def __repr__(self):
        return "<unknown>"


def same_arrays(x):
    """The same numbers in other clothes: what comes out must be the same."""
    x = np.asarray(x)
    yield "list", x.tolist()
    yield "Fortran", np.asfortranarray(x)
    yield "big-endian", x.astype(x.dtype.newbyteorder(">"))
    yield "strided", np.repeat(x, 2, axis=-1)[..., ::2]
    yield "objects", x.astype(object)


def bad_numbers(x):
    """What may stand where the number x belongs."""
    yield "nan", np.nan
    yield "inf", np.inf
    yield "negative", -1
    yield "below", -0.5
    yield "zero", 0
    yield "text", "a"
    yield "none", None
    yield "truth", True
    yield "complex", 1j
    yield "pair", np.array([1.0, 2.0])
    yield "list", [1]
    yield "date", np.timedelta64(1, "s")
    yield "object", Unknown()
    yield "mapping", {}
    yield "masked", np.ma.masked
    if isinstance(x, int):
        yield "half", 2.5
        yield "whole float", 2.0
        yield "enormous", 10**30
    else:
        yield "huge", 1e308
        yield "tiny", 5e-324


def bad_objects(x):
    """What may stand where an MDP, a name or a list belongs."""
    yield "none", None
    yield "number", 3
    yield "text", "nonsense"
    yield "object", Unknown()
    yield "array", np.ones((2, 2))
    if isinstance(x, EpisodicMDP):
        yield "other kind", MDP
    if isinstance(x, DiscountedMDP):
        yield "other kind", CHAIN


def bad_flags(_):
    yield "text", "no"
    yield "none", None
    yield "number", 2
    yield "array", np.array([True, False])


def bad_values(x):
    """Pairs (name, bad value) for a good value x."""
    if isinstance(x, (bool, np.bool_)):
        return bad_flags(x)
    if isinstance(x, np.ndarray):
        return bad_arrays(x)
    if isinstance(x, (int, float)):
        return bad_numbers(x)
    return bad_objects(x)
