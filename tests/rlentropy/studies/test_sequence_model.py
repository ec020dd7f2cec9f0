"""sequence_model: every average against brute force over all strings, gradients against
differences, one batch against a loop in plain Python, and what is refused."""

import itertools
import math

import numpy as np
import pytest
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.studies import sequence_model as model

RNG = np.random.default_rng(0)


def even(y):
    return np.where(y > 0, y, 0).sum(axis=1) % 2 == 0


TASK = model.sequence_task(3, 4, even)
FIXED = model.sequence_task(3, 4, even, end=False)
THETA = RNG.standard_normal((TASK.prefixes, 4))
TASKS = [(TASK, THETA), (FIXED, THETA[:, :3])]


def row_of(prefix, tokens=3):
    """The row of a prefix: shorter ones first, then in the order of the alphabet."""
    earlier = sum(tokens**k for k in range(len(prefix)))
    return earlier + sum(a * tokens**k for k, a in enumerate(reversed(prefix)))


def brute(task, theta):
    """{symbols of an answer: (probability, entropies along it, rows)} by going through all strings."""
    answers = {}
    for string in itertools.product(range(task.symbols), repeat=task.length):
        if task.end and task.tokens in string:
            string = string[: string.index(task.tokens) + 1]
        if string in answers:
            continue
        p, entropies, rows = 1.0, [], []
        for k, symbol in enumerate(string):
            row = row_of(string[:k])
            weights = [math.exp(x) for x in theta[row]]
            probs = [w / sum(weights) for w in weights]
            p *= probs[symbol]
            entropies.append(-sum(q * math.log(q) for q in probs))
            rows.append(row)
        answers[string] = (p, entropies, rows)
    return answers


def names(task):
    return [tuple(int(a) for a in row if a >= 0) for row in task.token]


def test_counts():
    assert len(model.sequence_task(5, 6, even).size) == 19_531
    assert len(model.sequence_task(5, 6, even, end=False).size) == 15_625
    assert model.sequence_task(5, 6, even).prefixes == 3906


@pytest.mark.parametrize(("task", "theta"), TASKS)
def test_every_answer_is_there_once_with_its_probability(task, theta):
    expected = brute(task, theta)
    assert sorted(names(task)) == sorted(expected)
    log_p, sums = model.log_answers(task, theta), model.summed_entropies(task, theta)
    for k, name in enumerate(names(task)):
        p, entropies, rows = expected[name]
        assert np.exp(log_p[k]) == pytest.approx(p, rel=1e-12)
        assert sums[k] == pytest.approx(sum(entropies), abs=1e-12)
        assert task.prefix[k][task.prefix[k] >= 0].tolist() == rows
        assert task.size[k] == len(name)
        assert task.right[k] == (sum(a for a in name if a < task.tokens) % 2 == 0)


@pytest.mark.parametrize(("task", "theta"), TASKS)
def test_averages_are_those_of_brute_force(task, theta):
    found, answers = model.evaluate(task, theta), brute(task, theta)
    entropy = -sum(p * math.log(p) for p, _, _ in answers.values())
    size = sum(p * len(e) for p, e, _ in answers.values())
    assert found.answer_entropy == pytest.approx(entropy, abs=1e-12)
    assert found.mean_size == pytest.approx(size, abs=1e-12)
    assert found.token_mean == pytest.approx(entropy / size, abs=1e-12)
    means = sum(p * sum(e) / len(e) for p, e, _ in answers.values())
    assert found.answer_mean == pytest.approx(means, abs=1e-12)
    right = {y: p for y, (p, _, _) in answers.items() if sum(a for a in y if a < 3) % 2 == 0}
    total = sum(right.values())
    assert found.success == pytest.approx(total, abs=1e-12)
    inside = -sum(p / total * math.log(p / total) for p in right.values())
    assert found.right_entropy == pytest.approx(inside, abs=1e-12)


@pytest.mark.parametrize(("task", "theta"), TASKS)
def test_the_first_order_is_the_derivative(task, theta):
    change = np.random.default_rng(1).standard_normal(theta.shape)
    whole, per_prefix = model.predicted_change(task, theta, change)
    up, down = (model.evaluate(task, theta + s * change) for s in (1e-5, -1e-5))
    assert (up.answer_entropy - down.answer_entropy) / 2e-5 == pytest.approx(whole, rel=1e-7)
    # per prefix: entropies move, the weights of the prefixes stay
    log_p = model.log_answers(task, theta)
    sums = [model.summed_entropies(task, theta + s * change) for s in (1e-5, -1e-5)]
    held = dist.mean(log_p, sums[0] - sums[1]) / 2e-5
    assert held == pytest.approx(per_prefix, rel=1e-7)
    assert abs(whole - per_prefix) > 0.01


def test_draws_follow_the_policy():
    log_p = model.log_answers(TASK, THETA)
    drawn = model.draw(TASK, THETA, 40_000, 3)
    share = np.bincount(drawn, minlength=len(log_p)) / 40_000
    assert np.abs(share - np.exp(log_p)).max() < 5 * 0.5 / np.sqrt(40_000)
    assert np.array_equal(drawn, model.draw(TASK, THETA, 40_000, 3))


def objective(theta, old, drawn, adv, weight, *, limits, bonus):
    """The clipped objective of a batch in plain Python; its gradient is what `train` follows."""
    total = 0.0
    for i, number in enumerate(drawn):
        for k in range(TASK.size[number]):
            row, symbol = TASK.prefix[number, k], TASK.token[number, k]
            log_p = theta[row] - math.log(sum(math.exp(x) for x in theta[row]))
            log_old = old[row] - math.log(sum(math.exp(x) for x in old[row]))
            ratio = math.exp(log_p[symbol] - log_old[symbol])
            held = min(max(ratio, 1 - limits[0]), 1 + limits[1])
            total += weight[i] * min(ratio * adv[i], held * adv[i])
            total -= bonus * weight[i] * float(np.sum(np.exp(log_p) * log_p))
    return total


@pytest.mark.parametrize("weighting", model.WEIGHTINGS)
@pytest.mark.parametrize("reuse", [1, 2])
def test_a_batch_is_ascent_on_the_clipped_objective(weighting, reuse):
    settings = {"limits": (0.05, 0.1), "bonus": 0.3}
    after, log = model.train(
        TASK,
        THETA,
        batches=1,
        step=2.0,
        group=6,
        seed=5,
        reuse=reuse,
        weighting=weighting,
        **settings,
    )
    drawn = model.draw(TASK, THETA, 6, np.random.default_rng(5))
    hits = TASK.right[drawn].astype(float)
    assert 0 < hits.mean() < 1
    adv = (hits - hits.mean()) / (hits.std() + 1e-6)
    size = TASK.size[drawn]
    weight = {
        "token": np.full(6, 1 / size.sum()),
        "sequence": 1 / (6 * size),
        "constant": np.full(6, 1 / 24),
    }[weighting]
    theta = THETA.copy()
    for _ in range(reuse):
        gradient = np.zeros(theta.shape)
        for place in np.ndindex(theta.shape):
            bump = np.zeros(theta.shape)
            bump[place] = 1e-6
            up, down = (
                objective(theta + s * bump, THETA, drawn, adv, weight, **settings) for s in (1, -1)
            )
            gradient[place] = (up - down) / 2e-6
        theta = theta + 2.0 * gradient
    np.testing.assert_allclose(after, theta, atol=1e-7)
    assert (log.outside[0] > 0) == (reuse > 1)


def test_the_log_is_the_change_of_the_exact_entropy():
    after, log = model.train(TASK, THETA, batches=5, step=1.0, group=8, seed=2)
    before, end = model.evaluate(TASK, THETA), model.evaluate(TASK, after)
    assert log.realised.sum() == pytest.approx(
        end.answer_entropy - before.answer_entropy, abs=1e-12
    )
    assert log.success[0] == before.success


test_bad_input_is_named = refusals(
    (lambda: model.sequence_task(1, 3, even), "tokens = 1"),
    (lambda: model.sequence_task(5, 12, even), "length = 12: 5\\^12 answers are too many"),
    (lambda: model.sequence_task(3, 2, lambda y: y), "right: gave int"),
    (lambda: model.train(TASK, THETA, batches=1, step=1.0, group=1, seed=0), "group = 1"),
)
