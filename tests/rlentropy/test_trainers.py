"""Hooks of trainers: on a toy loop with the events of the real ones, and on the real one where it is installed."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from rlentropy.report import entropy_report
from rlentropy.trainers import EntropyProbe, trl_callback


class Toy:
    """A table of logits that moves by policy gradient: model, batch and update in one."""

    def __init__(self, seed=0, tokens=6, actions=5):
        rng = np.random.default_rng(seed)
        self.table = rng.standard_normal((tokens, actions))
        self.adv = rng.standard_normal((tokens, actions))

    def update(self):
        w = np.exp(self.table)
        p = w / w.sum(1, keepdims=True)
        self.table = self.table + 0.1 * p * (self.adv - (p * self.adv).sum(1, keepdims=True))


def logits(model):
    return model.table.copy()


def test_a_loop_of_ones_own():
    toy = Toy()
    probe = EntropyProbe(logits, every=3, where=[1, 1, 1, 1, 0, 0])
    seen = []
    for _ in range(7):
        old = toy.table
        probe.before(toy)
        toy.update()
        metrics = probe.after(toy)
        if metrics:
            mean = entropy_report(old, toy.table, where=[1, 1, 1, 1, 0, 0]).mean()
            assert metrics["entropy/change"] == mean["exact"]
            assert metrics["entropy/first_order"] == mean["first_order"]
            assert metrics["entropy/after"] == mean["new_entropy"]
        seen.append(bool(metrics))
    assert seen == [True, False, False, True, False, False, True]
    assert probe.report.tokens == 4 and probe.updates == 7
    assert 0 <= metrics["entropy/certified"] <= 1
    short = EntropyProbe(logits, bounds=False)
    short.before(toy)
    toy.update()
    assert "entropy/certified" not in short.after(toy)


def test_around_the_update_of_verl_and_openrlhf():
    """Outputs as theirs: metrics in a dict of the output, or the output itself."""
    toy = Toy()
    engine = SimpleNamespace(module=toy)

    def train_batch(data, loss_function):
        """Updates."""
        toy.update()
        assert loss_function is None
        return {"loss": data, "metrics": {"grad_norm": 1.0}}

    engine.train_batch = EntropyProbe(logits).around(
        train_batch, lambda: engine.module, add=lambda out, m: out["metrics"].update(m)
    )
    out = engine.train_batch(3.0, loss_function=None)
    assert out["loss"] == 3.0 and out["metrics"]["grad_norm"] == 1.0
    assert out["metrics"]["entropy/change"] != 0
    assert engine.train_batch.__doc__ == "Updates."
    status = EntropyProbe(logits, prefix="e_").around(
        lambda kl: toy.update() or {"kl": kl}, lambda: toy, add=lambda s, m: s.update(m)
    )(0.5)
    assert status["kl"] == 0.5 and "e_first_order" in status


def test_an_update_that_fails_is_not_reported():
    toy = Toy()
    probe = EntropyProbe(logits)

    def broken():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        probe.around(broken, lambda: toy, add=dict.update)()
    first = toy.table
    toy.update()
    probe.before(toy)
    second = toy.table
    toy.update()
    probe.after(toy)
    expected = entropy_report(second, toy.table).mean()["exact"]
    assert probe.report.mean()["exact"] == expected
    assert expected != entropy_report(first, toy.table).mean()["exact"]


def test_the_events_of_a_trainer(monkeypatch):
    """The order in which Transformers calls a callback, with a stand-in for its base class."""
    base = type("TrainerCallback", (), {})
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(TrainerCallback=base))
    toy = Toy()
    sent = []
    probe = EntropyProbe(logits, every=2)
    callback = trl_callback(probe, send=lambda metrics, step: sent.append((step, metrics)))
    assert isinstance(callback, base)
    state = SimpleNamespace(global_step=0, log_history=[])
    for _ in range(4):
        callback.on_step_begin(None, state, None, model=toy, optimizer=None)
        toy.update()
        state.global_step += 1
        callback.on_step_end(None, state, None, model=toy, optimizer=None)
        logs = {"loss": 1.0}
        state.log_history.append(dict(logs))
        callback.on_log(None, state, None, logs=logs, model=toy)
    assert [step for step, _ in sent] == [1, 3]
    assert ["entropy/change" in line for line in state.log_history] == [True, False, True, False]
    assert state.log_history[2]["entropy/change"] == sent[1][1]["entropy/change"]


def causal_model(torch):
    """Embedding and head with dropout between: a causal model of one token's memory."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Embedding(11, 8)
            self.drop = torch.nn.Dropout(0.5)
            self.head = torch.nn.Linear(8, 11)

        def forward(self, input_ids, attention_mask=None, labels=None):
            assert attention_mask is None or attention_mask.shape == input_ids.shape
            z = self.head(self.drop(self.body(input_ids)))
            loss = None
            if labels is not None:
                loss = torch.nn.functional.cross_entropy(
                    z[:, :-1].reshape(-1, 11), labels[:, 1:].reshape(-1)
                )
            return SimpleNamespace(logits=z, loss=loss)

    torch.manual_seed(0)
    return Model()


def test_a_causal_model_is_read_without_dropout_and_left_as_it_was():
    torch = pytest.importorskip("torch")
    model = causal_model(torch)
    model.train()
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    probe = EntropyProbe.of_causal_model(ids, mask, completion_mask=torch.tensor([[0, 0, 1, 1]]))
    probe.before(model)
    metrics = probe.after(model)
    assert metrics["entropy/change"] == 0 and model.training
    assert probe.report.change.where.tolist() == [[False, True, True], [False, False, False]]
    assert probe.report.tokens == 2


def test_the_trainer_of_transformers(tmp_path):
    torch = pytest.importorskip("torch")
    trainers = pytest.importorskip("transformers.trainer")
    transformers = pytest.importorskip("transformers")
    ids = torch.randint(0, 11, (8, 6), generator=torch.Generator().manual_seed(1))
    data = [{"input_ids": row, "labels": row} for row in ids]

    model = causal_model(torch)
    probe = EntropyProbe.of_causal_model(ids[:2], torch.ones_like(ids[:2]), every=2)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=4, logging_steps=1, report_to=[], use_cpu=True,
        save_strategy="no", disable_tqdm=True, per_device_train_batch_size=4, seed=0,
    )  # fmt: skip

    class Causal(trainers.Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **_):
            found = model(**inputs)
            return (found.loss, found) if return_outputs else found.loss

    trainer = Causal(
        model=model, args=arguments, train_dataset=data, callbacks=[trl_callback(probe)]
    )
    trainer.train()
    lines = [line for line in trainer.state.log_history if "loss" in line]
    assert ["entropy/change" in line for line in lines] == [True, False, True, False]
    assert probe.updates == 4 and lines[2]["entropy/change"] == probe.report.mean()["exact"]
    assert all(line["entropy/change"] != 0 for line in lines[::2])
