"""Entropy in reinforcement learning: how policies lose it, how explorers maximise it.

The package computes what the book proves. It has wings, and imports go down only:

    studies     part III: entropy control, neural policies, the law of reward and entropy
    audits      may know the truth: every inequality of a proof, measured along a run
    learners    may draw from a simulator, and know nothing else of the truth
    discounted  part I: discounted MDPs, softmax policies, natural policy gradient
    episodic    part II: reward-free episodic MDPs, visitation, policies of largest entropy
    exact       rational oracles for tiny sizes
    report      where the entropy went, token by token, and its command (cli)
    adapters    doors: MDPs of gymnasium, MDPToolbox and QuantEcon
    logits      the front door for the logits of two models; stands on the ground floor alone
    ground floor: distributions, confidence, transitions, validation, portable, seeds, parallel

Entropies are in nats.
"""

import importlib
from typing import TYPE_CHECKING, Any

from _own_names import tidy

__version__ = "0.2.0"

# The names that people use, and where they are; each is imported when it is first asked for.
_HOME = {
    "DiscountedMDP": "rlentropy.discounted.mdp",
    "EpisodicMDP": "rlentropy.episodic.mdp",
    "PolicyInMDP": "rlentropy.discounted.evaluation",
    "evaluate": "rlentropy.discounted.evaluation",
    "evaluate_softmax": "rlentropy.discounted.evaluation",
    "EntropyChange": "rlentropy.logits",
    "entropy_change": "rlentropy.logits",
    "EntropyReport": "rlentropy.report",
    "entropy_report": "rlentropy.report",
    "EntropyProbe": "rlentropy.trainers",
    "trl_callback": "rlentropy.trainers",
    "bonus_effect": "rlentropy.logit_entropy",
    "check_bonus": "rlentropy.logit_entropy",
    "entropy_averages": "rlentropy.logit_entropy",
    "tempered_entropy": "rlentropy.logit_entropy",
    "top_k_entropy_interval": "rlentropy.logit_entropy",
    "policy_visitation": "rlentropy.episodic.visitation",
    "markov_policy": "rlentropy.episodic.visitation",
    "visitation_entropy": "rlentropy.episodic.visitation",
    "average_visitation_entropy": "rlentropy.episodic.visitation",
    "trajectory_entropy": "rlentropy.episodic.trajectory_entropy",
    "NotConverged": "rlentropy.validation",
    "spawn": "rlentropy.seeds",
    "run_seeds": "rlentropy.parallel",
    "from_gymnasium": "rlentropy.adapters",
    "from_mdptoolbox": "rlentropy.adapters",
    "from_quantecon": "rlentropy.adapters",
}
_MODULES = {
    "natural_gradient": "rlentropy.discounted.natural_gradient",
    "max_entropy": "rlentropy.episodic.max_entropy",
    "entgame": "rlentropy.learners.entgame",
}
_PARTS = (
    "adapters", "audits", "discounted", "episodic", "exact", "files", "learners", "plotting",
    "stand_ins", "studies", "validation",
)  # fmt: skip
__all__ = [*_HOME, *_MODULES]


if TYPE_CHECKING:  # the same names for a checker of types, to which a misspelt one is a fault
    from rlentropy.adapters import from_gymnasium as from_gymnasium
    from rlentropy.adapters import from_mdptoolbox as from_mdptoolbox
    from rlentropy.adapters import from_quantecon as from_quantecon
    from rlentropy.discounted import natural_gradient as natural_gradient
    from rlentropy.discounted.evaluation import PolicyInMDP as PolicyInMDP
    from rlentropy.discounted.evaluation import evaluate as evaluate
    from rlentropy.discounted.evaluation import evaluate_softmax as evaluate_softmax
    from rlentropy.discounted.mdp import DiscountedMDP as DiscountedMDP
    from rlentropy.episodic import max_entropy as max_entropy
    from rlentropy.episodic.mdp import EpisodicMDP as EpisodicMDP
    from rlentropy.episodic.trajectory_entropy import trajectory_entropy as trajectory_entropy
    from rlentropy.episodic.visitation import (
        average_visitation_entropy as average_visitation_entropy,
    )
    from rlentropy.episodic.visitation import markov_policy as markov_policy
    from rlentropy.episodic.visitation import policy_visitation as policy_visitation
    from rlentropy.episodic.visitation import visitation_entropy as visitation_entropy
    from rlentropy.learners import entgame as entgame
    from rlentropy.logit_entropy import bonus_effect as bonus_effect
    from rlentropy.logit_entropy import check_bonus as check_bonus
    from rlentropy.logit_entropy import entropy_averages as entropy_averages
    from rlentropy.logit_entropy import tempered_entropy as tempered_entropy
    from rlentropy.logit_entropy import top_k_entropy_interval as top_k_entropy_interval
    from rlentropy.logits import EntropyChange as EntropyChange
    from rlentropy.logits import entropy_change as entropy_change
    from rlentropy.parallel import run_seeds as run_seeds
    from rlentropy.report import EntropyReport as EntropyReport
    from rlentropy.report import entropy_report as entropy_report
    from rlentropy.seeds import spawn as spawn
    from rlentropy.trainers import EntropyProbe as EntropyProbe
    from rlentropy.trainers import trl_callback as trl_callback
    from rlentropy.validation import NotConverged as NotConverged
else:

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            found = importlib.import_module(_MODULES[name])
        elif name in _PARTS:
            found = importlib.import_module(f"{__name__}.{name}")
        elif name in _HOME:
            found = getattr(importlib.import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module 'rlentropy' has no attribute {name!r}")
        globals()[name] = found
        return found


tidy(__name__)
