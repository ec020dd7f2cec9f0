"""A good call of every public function, and bad values for each of its arguments.

Functions are found by import. A good call is put together from the names of the parameters
(`fuzzing_good.GOOD`), or written out where a name means something else (`fuzzing_good.calls`). A
function for which neither does is a failure of the test, so a new one has to be given a good call.
"""

import dataclasses
import importlib
import inspect
import pkgutil

import numpy as np
from fuzzing_good import CHAIN, GOOD, MDP, calls, good_value, methods
from scipy import sparse

import rlentropy
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic.mdp import EpisodicMDP

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
    bound = methods()
    for module, there in _modules():
        for name, x in _own(there):
            full = f"{module}.{name}"
            if inspect.isfunction(x) or full in calls():
                found[full] = x
            if inspect.isclass(x):
                found |= {f"{full}.{m}": bound.get(f"{full}.{m}") for m in _methods(x)}
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
    """Arguments of a good call, by name: those of `calls`, else of GOOD. KeyError naming the
    parameter that nobody gives.
    """
    module = full.rpartition(".")[0]
    given = calls().get(full, {})
    parameters = inspect.signature(function).parameters
    arguments = {}
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in given:
            arguments[name] = given[name]
        elif name in GOOD:
            arguments[name] = good_value(module, parameters, name)
        elif parameter.default is parameter.empty:
            raise KeyError(f"{full}: no good value for {name}")
    return {name: x for name, x in arguments.items() if x is not ...}


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
