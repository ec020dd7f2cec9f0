"""Logs the entropy report of every few updates of a trainer: for TRL, verl, OpenRLHF and loops of
your own. None of these libraries, nor torch, is imported until it is asked for.

The logits of a few fixed sequences, the *probe*, are read before and after an update:

    probe = EntropyProbe.of_causal_model(input_ids, attention_mask, every=10)

    trainer.add_callback(trl_callback(probe))                                  # TRL, Transformers

    engine.train_batch = probe.around(                                         # verl, in the worker
        engine.train_batch, lambda: engine.module, add=lambda out, m: out["metrics"].update(m)
    )
    trainer.ppo_train = probe.around(                                          # OpenRLHF, likewise
        trainer.ppo_train, lambda: trainer.actor, add=lambda status, m: status.update(m)
    )

OpenRLHF's ``Actor`` takes other arguments than a model of Transformers; its probe is

    EntropyProbe(
        lambda actor: actor(ids, attention_mask=mask, return_output=True)["logits"][:, :-1],
        where=mask[:, 1:],
    )

In a sharded model every rank has to read the probe.
"""

import copy
import importlib
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from rlentropy.report import EntropyReport, entropy_report
from rlentropy.validation import check_callable, check_choice, check_integer, check_kind

# What of a report goes into a log, under these names.
LOGGED = {
    "old_entropy": "before",
    "new_entropy": "after",
    "exact": "change",
    "first_order": "first_order",
    "shift": "shift",
    "kl": "kl",
    "certified": "certified",
    "above_rounding": "above_rounding",
    "clipped": "clipped",
}


# What takes ({name: number}, step).
Send = Callable[[dict[str, float], int], Any]


def _kept(logits: Any) -> Any:
    """A copy: what ``read`` hands out may be the memory that the update writes to."""
    if logits is None:
        raise ValueError("read: returned None, expected logits (..., n)")
    if hasattr(logits, "detach"):
        return logits.detach().clone()
    return copy.deepcopy(logits)


class EntropyProbe:
    """Reads the logits of fixed sequences before and after updates, and reports the change.

    read     model -> logits (..., n), for tokens that are always the same; no dropout, no gradients
    every    every so many updates are reported, the first one among them
    prefix   of the names in the log
    options  of `entropy_report`: where, temperature, actions, advantages, clip, bounds, ...

    report   the last `EntropyReport`, None before the first
    updates  how many updates have been seen
    The old logits are kept from `before` to `after`: a few hundred tokens are enough.
    """

    def __init__(
        self,
        read: Callable[[Any], Any],
        *,
        every: int = 1,
        prefix: str = "entropy/",
        **options: Any,
    ) -> None:
        self.read = check_callable("read", read)
        self.every = check_integer("every", every, low=1)
        self.prefix = prefix
        known = list(inspect.signature(entropy_report).parameters)[2:]
        for name in options:
            check_choice("option", name, known)
        self.options = options
        self.report: EntropyReport | None = None
        self.updates = 0
        self._old: Any = None

    @classmethod
    def of_causal_model(
        cls, input_ids: Any, attention_mask: Any, *, completion_mask: Any = None, **options: Any
    ) -> "EntropyProbe":
        """For models of Transformers: ``model(input_ids=, attention_mask=).logits``.

        input_ids, attention_mask  (sequences, tokens), tensors on the device of the model
        completion_mask            (sequences, tokens): only these tokens count, of those attended

        The logits at a token are those of the next one: token t counts if token t + 1 is attended
        (and of the completion). The model is read in evaluation mode and put back into its own.
        """
        torch = importlib.import_module("torch")
        counts = attention_mask[:, 1:]
        if completion_mask is not None:
            counts = counts * completion_mask[:, 1:]

        def read(model: Any) -> Any:
            training = model.training
            model.eval()
            try:
                with torch.no_grad():
                    found = model(input_ids=input_ids, attention_mask=attention_mask)
            finally:
                model.train(training)
            return found.logits[:, :-1].detach().clone()

        return cls(read, where=counts, **options)

    def before(self, model: Any) -> None:
        """To be called before an update."""
        if self._old is None and self.updates % self.every == 0:
            self._old = _kept(self.read(model))

    def after(self, model: Any) -> dict[str, float]:
        """To be called after the update; {name: number} for the log, empty if it is not due."""
        self.updates += 1
        if self._old is None:
            return {}
        old = self._old
        self._old = None
        self.report = entropy_report(old, self.read(model), **self.options)
        mean = self.report.mean()
        return {self.prefix + name: mean[key] for key, name in LOGGED.items() if key in mean}

    def around(
        self,
        update: Callable[..., Any],
        model: Callable[[], Any],
        *,
        add: Callable[[Any, dict[str, float]], Any],
    ) -> Callable[..., Any]:
        """``update`` with `before` and `after` around it.

        model  () -> the model to be read
        add    called with what ``update`` returned and the numbers for the log
        An update that fails is not reported.
        """

        for name, x in (("update", update), ("model", model), ("add", add)):
            check_callable(name, x)

        @wraps(update)
        def reported(*arguments: Any, **named: Any) -> Any:
            self.before(model())
            try:
                out = update(*arguments, **named)
            except BaseException:
                self._old = None
                raise
            metrics = self.after(model())
            if metrics:
                add(out, metrics)
            return out

        return reported


class _Events:
    """What a callback of Transformers does with a probe."""

    def __init__(self, probe: EntropyProbe, send: Send | None) -> None:
        self.probe = probe
        self.send = send
        self.waiting: dict[str, float] = {}

    def on_step_begin(self, *_: Any, model: Any = None, **__: Any) -> None:
        self.probe.before(model)

    def on_step_end(self, _args: Any, state: Any, *_: Any, model: Any = None, **__: Any) -> None:
        metrics = self.probe.after(model)
        if metrics:
            self.waiting = metrics
            if self.send is not None:
                self.send(metrics, state.global_step)

    def on_log(self, _args: Any, state: Any, *_: Any, logs: Any = None, **__: Any) -> None:
        if logs is not None and self.waiting:
            logs.update(self.waiting)
            if state.log_history:
                state.log_history[-1].update(self.waiting)
            self.waiting = {}


def trl_callback(probe: EntropyProbe, *, send: Send | None = None) -> Any:
    """A ``transformers.TrainerCallback`` that reports around optimizer steps, for TRL's trainers.

    send  called with ({name: number}, step) after each report: ``wandb.log``, say
    The numbers also go into the trainer's next log line and its ``state.log_history``. Reporters
    that the trainer set up by itself run before added callbacks and miss them: for these, ``send``.
    """
    check_kind("probe", probe, EntropyProbe)
    if send is not None:
        check_callable("send", send)
    base = importlib.import_module("transformers").TrainerCallback
    return type("EntropyCallback", (_Events, base), {})(probe, send)
