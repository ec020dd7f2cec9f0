"""Every public function against a table of bad inputs: an error that names the argument, or a right
answer; nothing from inside NumPy, SciPy or numba, and nothing that hangs.

An error names the argument that is bad, and for nan and infinity its first index and its value.
An answer is right only if it has no NaN that was not there for good input, and is the same where
the input is the same numbers in another type or order. No answer is right where the input is nan or
infinite, text, a date, a mask, complex, no array or an unknown object, a number of the wrong sign,
or of another shape than the MDP beside it. ACCEPTED lists the exceptions and their reasons; tests of
single functions need not repeat any of this.
"""

import dataclasses
import importlib
import inspect
import itertools
import re
import signal
import sys
import traceback
import warnings
from fnmatch import fnmatch
from types import SimpleNamespace

import fuzzing
import numpy as np
import pytest
from fuzzing_good import LOG_P
from matplotlib import pyplot
from scipy import sparse

from rlentropy import cli
from rlentropy.validation import NotConverged

SECONDS = 10
# The first call of a function may have to be compiled.
COMPILING = 300
FUNCTIONS = fuzzing.public()
# What takes seconds, most of them in a compiler that meets a type for the first time.
SLOW = ("audits.entgame.measure",)
# An answer to these is never right.
NEVER = (
    "nan inf strings dates spans complex masked object text ragged sparse mapping generator empty "
    "date pair list other kind array"
)
NOT_WHOLE = ("half", "whole float", "truth", "complex", "none")
# Nor to these: for a number, and for an array beside the MDP or task whose shape it has.
BELOW = ("negative", "below", "zero")
OTHER_SHAPE = ("longer", "axis more", "axis less")
# Whether these fit, or overflow, depends on the other arguments: one of those may be named.
TOGETHER = (*OTHER_SHAPE, "empty", "huge", "all huge", "wide", "tiny", "negative")
# "function parameter kind" -> why it is right; * stands for anything.
ACCEPTED = {
    "distributions.* * nan": "nan stays nan",
    "distributions.* * inf": "a logit of +inf gives nan",
    "distributions.* * -inf": "an infinite value of a positive probability gives nan",
    "discounted.entropy_dynamics.identity_terms * nan": "nan stays nan, as in distributions",
    "discounted.natural_gradient.prox_objective * nan": "nan stays nan, as in distributions",
    "discounted.entropy_dynamics.regression_slope * *huge": "nan where the variance is 0",
    "discounted.entropy_dynamics.regression_slope * wide": "nan where the variance is 0",
    "distributions.* * empty": "nothing in, nothing out",
    "portable.* x empty": "nothing in, nothing out",
    "portable.* x inf": "has a logarithm and an exponential",
    "episodic.forecaster.one_hot symbols empty": "no outcomes are allowed",
    "episodic.induction.best_response reward inf": "a reward may be infinite",
    "episodic.max_entropy.mirror.mirror_bound sweeps *": "any array of numbers of sweeps",
    "episodic.mdp.EpisodicMDP P sparse": "has two states, and the actions beside it three",
    "discounted.mdp.DiscountedMDP r -inf": "an unavailable action, whose row of P must be 0",
    "studies.neural_policy.train step huge": "the step makes logits that no double holds, named so",
    "files.* path text": "a name of a file",
    "validation.check_path x text": "a name of a file",
    "validation.check_reals x *": "its purpose",
    "validation.check_extended x inf": "its purpose",
    "validation.check_number x *": "any real number",
    "validation.is_all jobs *": "a question, not a check",
    "results.described x *": "prints whatever it is given",
    "results.shown x *": "prints whatever it is given",
    "parallel.run_seeds seeds array": "what a seed is, is up to the function",
    "report.EntropyReport.to_html title text": "a title",
    "*.entropy_[cr]* temperature pair": "may differ from token to token",
    "*.entropy_[cr]* temperature list": "likewise",
    "report.entropy_report clip pair": "(low, high)",
    "*.entropy_[cr]* new_logits -inf": "nan where an action became impossible, as said",
    "logit_entropy.* coefficient *": "a bonus may be a penalty",
    "logit_entropy.check_bonus temperature pair": "likewise",
    "logit_entropy.check_bonus temperature list": "likewise",
    "logit_entropy.check_bonus with* -inf": "nan where an action became impossible, as said",
    "logit_entropy.bonus_effect * *huge": "break_even is nan where the bonus does nothing",
    "logit_entropy.bonus_effect * wide": "break_even is nan where the bonus does nothing",
    "logit_entropy.bonus_effect * tiny": "break_even is nan where the bonus does nothing",
    "audits.entgame.comparison *": "any two numbers",
    "audits.entgame.measure optimum *": "any number",
    "audits.entgame.tex *": "any number",
    "audits.explorers.episodes_to_gap *": "nan where the gap was never reached, as said",
    "audits.regularized_game.forecast_squares symbols empty": "no outcomes are allowed",
    "audits.regularized_game.soft_answer q axis more": "any batch of regularisers",
    "audits.sample_complexity.episodes_to_gap eps *": "any array of gaps",
    "audits.saturation.choose *": "values may be infinite and ceilings anywhere",
    "discounted.evaluation.* tau negative": "a reward of entropy may be a price",
    "discounted.evaluation.* tau below": "likewise",
    "discounted.natural_gradient.*_gradient tau [nb]e*": "likewise",
    "learners.stopping.* optimistic_value *": "any number",
    "plotting.simplex_field levels pair": "levels by their values",
    "plotting.* * nan": "a place that stays empty",
    "plotting.* * inf": "a place that stays empty",
    "plotting.* vm* *": "the ends of a scale are any numbers",
    "plotting.simplex_curve level *": "any number",
    "studies.entropy_levels.run setting huge": "named as what it sets, an entropy",
    "studies.entropy_levels.run setting *": "the control decides what is a setting",
    "studies.reward_entropy_law.fit_rate b *": "any number",
    "exact.trajectories.history_policy mdp other kind": "only asked how many actions there are",
    "exact.trajectories.log_prime_coefficients terms array": "its rows are pairs",
    "* jobs negative": "-1 is all cores",
}

# Arguments of which 0 is a good number, everywhere or in some functions.
MAY_BE_ZERO = (
    *(
        f"* {name}"
        for name in (
            "t k h action action_seed beta budget clip done failure gamma goal iterations large low price "
            "right seed share small start state stay sweeps ties top total transitions wrong"
        ).split()
    ),
    "audits.entgame.[asv]*_bound T",
    "audits.entgame.measure bonus_scale",
    "audits.entgame.sampler_bound bonus_scale",
    "audits.explorers.* episodes",
    "audits.saturation.plan bonus_scale",
    "discounted.evaluation.evaluate* tau",
    "discounted.long_run.optimal_actions tol",
    "discounted.natural_gradient.* tau",
    "exact.forecaster.* T",
    "learners.* bonus_scale",
    "learners.* episodes",
    "seeds.spawn count",
    "studies.entropy_control.select_top count",
    "studies.token_selection.within_limits high",
    "transitions.grid_kernel success",
    "*.environments.grid_world success",
    "*.mirror_ascent steps",
    "*.frank_wolfe steps",
    "validation.check_* x",
)
ACCEPTED |= {f"{place} zero": "0 is a good number" for place in MAY_BE_ZERO}


class Slow(Exception):
    """A call took longer than SECONDS."""


@pytest.fixture(autouse=True)
def clock(tmp_path, monkeypatch):
    """An alarm for calls that hang; and a folder of their own for those that write."""
    monkeypatch.chdir(tmp_path)
    stand_in = SimpleNamespace(TrainerCallback=object)
    monkeypatch.setitem(sys.modules, "transformers", stand_in)

    def ring(*_):
        raise Slow

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, before)
    pyplot.close("all")


# Parameters in which the package's own code speaks, not a user.
WORDS = (
    "parallel.progress_bar unit",
    "validation.* name",
    "validation.* shape",
    "validation.check_choice choices",
    "validation.check_indices size",
    "validation.check_interval low",
    "validation.check_interval high",
    "validation.check_kind kind",
    "trainers.EntropyProbe prefix",
)


def outcome(function, arguments, seconds=None):
    """What a call returns (a generator: its first items), or what it raises."""
    signal.setitimer(signal.ITIMER_REAL, seconds or SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = function(**arguments)
            return list(itertools.islice(found, 3)) if inspect.isgenerator(found) else found
    except Exception as problem:
        return problem
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def numbers(x):
    """All arrays and numbers of an answer."""
    if isinstance(x, (float, complex, np.generic)):
        yield np.asarray(x)
    elif isinstance(x, np.ndarray):
        yield x
    elif sparse.issparse(x):
        yield x.data
    elif isinstance(x, (tuple, list)):
        for part in x:
            yield from numbers(part)
    elif isinstance(x, dict):
        yield from numbers(list(x.values()))
    elif dataclasses.is_dataclass(x):
        yield from numbers([getattr(x, f.name) for f in dataclasses.fields(x)])


def has_nan(x):
    return any(part.dtype.kind in "fc" and np.isnan(part).any() for part in numbers(x))


def fault_of_error(function, problem, names=None):
    """What is wrong with an error; None if it is raised on purpose and names an argument, one of
    ``names`` (regular expressions) if they are given.
    """
    if isinstance(problem, Slow):
        return f"more than {SECONDS} s"
    if isinstance(problem, (NotConverged, OSError)):
        return None
    kinds = (ValueError, TypeError, RuntimeError)
    if type(problem) not in kinds:
        return f"{type(problem).__name__}: {problem}"
    last = traceback.extract_tb(problem.__traceback__)[-1]
    if not (last.line or "").startswith("raise"):
        return f"{type(problem).__name__} from {last.filename}:{last.lineno}: {problem}"
    names = names or [*inspect.signature(function).parameters, function.__name__]
    if not any(re.search(rf"(?<!\w){name}(?!\w)", str(problem)) for name in names):
        return f"names no argument: {problem}"
    return None


def named(x, name, kind):
    """What an error about ``name`` has to say; None where another argument may be at fault."""
    if kind in TOGETHER:
        return None
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and kind in ("nan", "inf"):
        return [rf"{name}(\[0(, 0)*\])* = {kind}"]
    return [name]


def fault(function, good, name, kind, bad, answer):
    """What is wrong with one call; None if nothing is."""
    found = outcome(function, good | {name: bad})
    x = good[name]
    if isinstance(found, Exception):
        return fault_of_error(function, found, named(x, name, kind))
    optional = inspect.signature(function).parameters[name].default is None
    if bad is None and optional:
        return None
    flag = isinstance(x, (bool, np.bool_))
    number = isinstance(x, (int, float)) and not flag
    whole = number and isinstance(x, int) and kind in NOT_WHOLE
    shaped = isinstance(x, np.ndarray) and {"mdp", "task"} & set(good) and kind in OTHER_SHAPE
    never = kind in NEVER.split() or kind == "other kind"
    if flag or never or whole or shaped or (number and kind in BELOW):
        return f"an answer: {found!r:.80}"
    if has_nan(found) and not has_nan(answer):
        return f"nan: {found!r:.80}"
    return None


def faults(full, function):
    """All faults of a function, and the number of calls."""
    good = fuzzing.good_call(full, function)
    answer = outcome(function, good, COMPILING)
    if isinstance(answer, Exception) and not full.startswith("files."):
        return [f"{full}: its good call raises {answer!r}"], 1
    count, found = 0, []
    for name, x in good.items():
        if any(fnmatch(f"{full} {name}", pattern) for pattern in WORDS):
            continue
        for kind, bad in fuzzing.bad_values(x):
            count += 1
            wrong = fault(function, good, name, kind, bad, answer)
            place = f"{full} {name} {kind}"
            if wrong and not any(fnmatch(place, pattern) for pattern in ACCEPTED):
                found.append(f"{place}: {wrong}")
        if isinstance(x, np.ndarray):
            for kind, same in fuzzing.same_arrays(x):
                count += 1
                again = outcome(function, good | {name: same})
                if not equal(answer, again) and fault_of_error(function, again):
                    found.append(f"{full} {name} {kind}: {again!r:.80}")
    return found, count


def _floats(x):
    return x.astype(float) if x.dtype == object else x


def equal(x, y):
    if isinstance(y, Exception):
        return False
    pairs = [(_floats(a), _floats(b)) for a, b in zip(numbers(x), numbers(y), strict=True)]
    return all(np.allclose(a, b, rtol=1e-12, atol=0, equal_nan=True) for a, b in pairs)


def marked(full):
    """The name of a function, as a case of its own."""
    marks = [pytest.mark.slow] if full in SLOW else []
    return pytest.param(full, marks=marks, id=full)


@pytest.mark.parametrize("full", [marked(full) for full in FUNCTIONS])
def test_bad_input_is_refused_by_name(full):
    found, count = faults(full, FUNCTIONS[full])
    assert count > 0 or not fuzzing.good_call(full, FUNCTIONS[full])
    assert not found, "\n".join(found)


def test_the_table_is_large():
    pairs = 0
    for full, function in FUNCTIONS.items():
        for x in fuzzing.good_call(full, function).values():
            pairs += sum(1 for _ in fuzzing.bad_values(x))
    assert len(FUNCTIONS) >= 300
    assert pairs >= 10_000


def test_what_is_left_out_is_there():
    for full in fuzzing.INNER:
        assert _found(full), full
    assert set(fuzzing.calls()) <= set(FUNCTIONS)
    assert not list(fuzzing.unknown_classes())


def _found(full):
    """The object of a name below rlentropy: in a module, or in a class of one."""
    *path, name = full.split(".")
    if path[-1][0].isupper():
        return getattr(_found(".".join(path)), name)
    return getattr(importlib.import_module(".".join(["rlentropy", *path])), name)


# --------------------------------------------------------------------------------- the command line

OPTIONS = [
    *(("--temperature", x) for x in ("0", "-1", "nan", "inf", "a", "")),
    *(("--top", x) for x in ("-1", "2.5", "nan", "a", "9" * 30)),
    *(("--clip", "0.2", x) for x in ("0.2", "-1", "nan", "a")),
    *((name, "nowhere") for name in ("--where", "--actions", "--advantages", "--logits")),
    ("--rounded-to", "float7"),
    ("--html", "/nowhere/at/all.html"),
    ("--json", "/nowhere/at/all.json"),
    ("--bogus",),
]


def command(capsys, *words):
    """Exit status and what was said on stderr."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            status = cli.main(["report", *words])
    except SystemExit as end:
        status = end.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
def test_bad_options_are_refused(words, capsys):
    np.savez("old.npz", logits=LOG_P)
    status, said = command(capsys, "old.npz", "old.npz", *words)
    assert status == 2
    assert said.startswith(("rlentropy: ", "usage: "))
    assert "Traceback" not in said


SOUND = ("-inf", "negative", "axis more", "axis less", "longer")


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", dict(fuzzing.bad_arrays(LOG_P)))
def test_bad_files_are_refused(place, kind, capsys):
    bad = dict(fuzzing.bad_arrays(LOG_P))[kind]
    names = ["old.npy", "old.npy"]
    names[place] = "bad.npy"
    np.save("old.npy", LOG_P)
    try:
        np.save("bad.npy", bad)
    except (TypeError, ValueError, NotImplementedError):  # a generator, lists of unequal lengths
        np.save("bad.npy", np.array([None]), allow_pickle=True)
    status, said = command(capsys, *names)
    alike = kind not in ("axis more", "axis less", "longer")
    assert status == (0 if kind in SOUND and alike else 2), said
    assert status == 0 or (said.startswith("rlentropy: ") and said.count("\n") == 1)


# ------------------------------------------------------------------- the judge notices what is wrong


def silent(x, count):
    """Takes anything: NaN, masks, strings."""
    return np.nanmean(np.asarray(x, dtype=float)) * 2 if isinstance(count, int) else 0


def foreign(x, count):
    """Lets NumPy speak."""
    return np.linalg.inv(x)[count]


def nameless(x, count):  # noqa: ARG001
    """Raises on purpose, and does not say what is wrong."""
    raise ValueError("bad input")


def misnamed(x, count):  # noqa: ARG001
    """Blames the other argument."""
    raise ValueError("count = nan: not a finite number")


def placeless(x, count):  # noqa: ARG001
    """Does not say where."""
    raise ValueError("x: not a finite number")


def shapeless(x, mdp):  # noqa: ARG001
    """Takes any shape."""
    return float(np.nansum(x))


def endless(x, count):  # noqa: ARG001
    """Hangs."""
    while True:
        pass


@pytest.mark.parametrize(
    ("function", "name", "kind", "bad", "what"),
    [
        (silent, "x", "strings", np.array([["1.0", "2.0"]]), "an answer"),
        (silent, "x", "inf", np.full((2, 2), np.inf), "an answer"),
        (silent, "x", "tiny", np.full((2, 2), np.nan), "nan"),
        (silent, "count", "negative", -1, "an answer"),
        (silent, "count", "zero", 0, "an answer"),
        (foreign, "x", "nan", np.full((2, 3), np.nan), "LinAlgError"),
        (nameless, "x", "longer", np.nan, "names no argument"),
        (misnamed, "x", "nan", np.nan, "names no argument"),
        (placeless, "x", "nan", np.nan, "names no argument"),
        (shapeless, "x", "longer", np.eye(3), "an answer"),
        (endless, "x", "nan", np.nan, "more than"),
    ],
)
def test_the_judge_notices(function, name, kind, bad, what, monkeypatch):
    monkeypatch.setitem(globals(), "SECONDS", 0.2)
    good = {"x": np.eye(2), ("mdp" if function is shapeless else "count"): 1}
    assert re.search(what, str(fault(function, good, name, kind, bad, 1.0)))
