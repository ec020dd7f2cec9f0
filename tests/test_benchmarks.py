"""The peers of the benchmark do the same work, and its tables say what was measured."""

import sys

import numpy as np
import pytest

from rlentropy.episodic import environments
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import entgame as package


@pytest.fixture(scope="module", autouse=True)
def path(root):
    sys.path.insert(0, str(root / "benchmarks"))
    yield
    sys.path.remove(str(root / "benchmarks"))


@pytest.mark.parametrize("first", [0, 1000])
@pytest.mark.parametrize("bonus", [0.0, 1.0])
def test_the_textbook_version_plays_the_same_game(bonus, first):
    """On the same random numbers; sums in another order break ties differently,
    so the counts agree statistically."""
    import entgame

    mdp = environments.double_chain(length=7, failure=0.1, horizon=6)
    peer = entgame.Textbook(mdp, 1, bonus_scale=bonus, first=first)
    peer.advance(3000 - first)
    slow = peer.n
    np.testing.assert_array_equal(slow[:-1], peer.moves.sum(axis=3))
    options = {"bonus_scale": bonus, "saturated": "source", "evaluate": False}
    fast = package.run(mdp, 3000, 1, **options).counts
    assert (slow.sum(axis=(1, 2)) == 3000).all()
    assert abs(visitation_entropy(slow / 3000) - visitation_entropy(fast / 3000)) < 0.1


def test_tables_hold_the_measured_figures():
    import run

    row = {"environment": "e", "bonus": 0.0, "method": "m", "rate": 1234.5, "runs": 3, "ratio": 2.0}
    text = "\n".join(run.learner_tables([row], published=None))
    assert "| m | 1,234 | 2 | nan | 3 |" in text
    own = row | {"method": "rlentropy", "rate": 2469.0}
    assert "| m | 1,234 | 2 | 2 | 3 |" in "\n".join(run.learner_tables([row, own], published=True))
    assert "left out" in text
    assert run.rate(0.1946) == "0.19"


def test_rates_take_turns_and_do_not_count_the_first_round():
    import entgame

    calls = []
    methods = {"a": (lambda: calls.append("a"), 10), "b": (lambda: calls.append("b") or 5.0, 10)}
    found = entgame.rates(methods, rounds=2)
    assert calls == ["a", "b"] * 3
    assert found["a"] > 0 and found["b"] == 5.0


def test_the_peers_of_the_logits_compute_the_same_seven_quantities():
    import entropy_change as bench

    from rlentropy.logits import FIELDS, entropy_change

    old, new = bench.logits(5, 300)
    change = entropy_change(old, new)
    for name, peer in bench.peers().items():
        found = peer(old, new)
        for field, values in zip(FIELDS, found, strict=True):
            tolerance = 1e-11 if "64" in name else 2e-2
            expected = getattr(change, field)
            np.testing.assert_allclose(
                np.asarray(values), expected, rtol=tolerance, atol=1e-3 * tolerance
            )
        np.testing.assert_array_equal(bench.blocks(peer, old, new).shape, 5)


def test_the_reference_of_the_logits_is_the_divergence():
    import entropy_change as bench

    old, new = np.log([0.5, 0.5]), np.log([0.25, 0.75])
    assert float(bench.precise_kl(old, new)) == pytest.approx(
        0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    )


def test_the_table_of_the_logits_holds_what_was_measured():
    import run

    row = {
        "batch": "8 x 4",
        "method": "m",
        "rate": 301.2,
        "ratio": 12.34,
        "error": 2.2e-16,
        "runs": 5,
    }
    text = "\n".join(run.logits_tables([row], 1.93, {"a": 0.25, "b": 1900.0}))
    assert "**8 x 4, float32**" in text
    assert "| m | 301 | 12.3 | 2e-16 | 5 |" in text
    assert "1.93 times faster" in text
    assert "grows by 0.2 MiB with a, by 1,900.0 MiB with b" in text


def test_what_is_not_installed_is_said():
    import run

    row = {"batch": "b", "method": "torch, float32", "rate": 1, "ratio": 1, "error": 1, "runs": 1}
    text = "\n".join(run.logits_tables([row], 1.0, {}))
    assert "left out: jax.\n" in text
    both = [row, row | {"method": "jax, float32, in blocks"}]
    assert "left out" not in "\n".join(run.logits_tables(both, 1.0, {}))


def test_one_part_of_the_results_is_measured_anew():
    import run

    stored = "## One\n\ntext\n\n## Two, old\n\nfigures\n\n## Three\n\nend\n"
    found = run.with_section(stored, "## Two, old\n\nnew\n")
    assert found == "## One\n\ntext\n\n## Three\n\nend\n\n## Two, old\n\nnew\n"
    assert run.with_section(found, "## Two, old\n\nnew\n") == found


def test_the_part_on_logits_alone_leaves_the_other_parts(monkeypatch, tmp_path, capsys):
    import run

    stored = run.RESULTS.read_text(encoding="utf-8")
    (tmp_path / "results.md").write_text(stored, encoding="utf-8")
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.md")
    heading = "## Entropy change between the logits of two models"
    monkeypatch.setattr(run, "logits_part", lambda _: f"{heading}\n\nmeasured\n")
    assert run.main(["--logits"]) == 0
    now = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert now == stored[: stored.index(heading)] + f"{heading}\n\nmeasured\n"
    assert "measured" in capsys.readouterr().out


def test_the_measure_of_memory_sees_copies():
    import entropy_change as bench

    grown = bench.memory(quick=True)
    inputs = 2 * 128 * 32_000 * 4 / 2**20
    assert grown["scipy, float64"] > 2 * inputs
    assert grown[bench.OWN] < inputs / 4
