"""Every public function against a table of bad inputs: an error that names the argument, or a right
answer; nothing from inside NumPy, SciPy or numba, and nothing that hangs.

Right means: no NaN that was not there for good input, no answer at all where the input is text, a
date, a mask, complex, no array or an unknown object, and the same answer where the input is the
same numbers in another type or order.
"""

import dataclasses
import importlib.util
import inspect
import itertools
import re
import signal
import traceback
import warnings
from fnmatch import fnmatch

import fuzzing
import numpy as np
import pytest
from scipy import sparse

from rlentropy.validation import NotConverged

SECONDS = 10
# The first call of a function may have to be compiled.
COMPILING = 300
FUNCTIONS = fuzzing.public()
# An answer to these is never right.
NEVER = (
    "strings dates spans complex masked object text ragged sparse mapping generator empty date "
    "pair list other kind array"
)
NOT_WHOLE = ("half", "whole float", "truth", "nan", "inf", "complex", "none", "below")
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
    "episodic.forecaster.one_hot symbols empty": "no outcomes are allowed",
    "studies.neural_policy.train step huge": "the step makes logits that no double holds, named so",
    "files.* path text": "a name of a file",
    "logits.*": "its door is that of another chapter's tests",
}


class Slow(Exception):
    """A call took longer than SECONDS."""


@pytest.fixture(autouse=True)
def clock(tmp_path, monkeypatch):
    """An alarm for calls that hang; and a folder of their own for those that write."""
    monkeypatch.chdir(tmp_path)

    def ring(*_):
        raise Slow

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, before)


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


def fault_of_error(function, problem):
    """What is wrong with an error; None if it is raised on purpose and names an argument."""
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
    names = [*inspect.signature(function).parameters, function.__name__]
    if not any(re.search(rf"\b{re.escape(name)}\b", str(problem)) for name in names):
        return f"names no argument: {problem}"
    return None


def fault(function, good, name, kind, bad, answer):
    """What is wrong with one call; None if nothing is."""
    found = outcome(function, good | {name: bad})
    if isinstance(found, Exception):
        return fault_of_error(function, found)
    optional = inspect.signature(function).parameters[name].default is None
    if bad is None and optional:
        return None
    x = good[name]
    flag = isinstance(x, (bool, np.bool_))
    whole = isinstance(x, int) and not flag and kind in NOT_WHOLE
    if flag or whole or kind in NEVER.split() or kind == "other kind":
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


def equal(x, y):
    if isinstance(y, Exception):
        return False
    pairs = zip(numbers(x), numbers(y), strict=True)
    return all(np.allclose(a, b, rtol=1e-12, atol=0, equal_nan=True) for a, b in pairs)


@pytest.mark.parametrize("full", FUNCTIONS)
def test_bad_input_is_refused_by_name(full):
    found, count = faults(full, FUNCTIONS[full])
    assert count > 0
    assert not found, "\n".join(found)


def test_the_table_is_large():
    pairs = 0
    for full, function in FUNCTIONS.items():
        for x in fuzzing.good_call(full, function).values():
            pairs += sum(1 for _ in fuzzing.bad_values(x))
    assert len(FUNCTIONS) >= 150
    assert pairs >= 2000


def test_what_is_left_out_is_there():
    names = {f"rlentropy.{name}" for name in fuzzing.LEFT_OUT}
    assert all(importlib.util.find_spec(name) for name in names)
    for full in fuzzing.INNER:
        module, _, name = full.rpartition(".")
        assert hasattr(importlib.import_module(f"rlentropy.{module}"), name), full
    assert set(fuzzing.calls()) <= set(FUNCTIONS)


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


def endless(x, count):  # noqa: ARG001
    """Hangs."""
    while True:
        pass


@pytest.mark.parametrize(
    ("function", "kind", "bad", "what"),
    [
        (silent, "strings", np.array([["1.0", "2.0"]]), "an answer"),
        (silent, "all nan", np.full((2, 2), np.nan), "nan"),
        (foreign, "nan", np.full((2, 3), np.nan), "LinAlgError"),
        (nameless, "nan", np.nan, "names no argument"),
        (endless, "nan", np.nan, "more than"),
    ],
)
def test_the_judge_notices(function, kind, bad, what, monkeypatch):
    monkeypatch.setitem(globals(), "SECONDS", 0.2)
    good = {"x": np.eye(2), "count": 1}
    assert re.search(what, str(fault(function, good, "x", kind, bad, 1.0)))
