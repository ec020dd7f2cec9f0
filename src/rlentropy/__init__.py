"""Entropy in reinforcement learning: how policies lose it, how explorers maximise it.

The package computes what the book proves. It has wings, and imports go down only:

    studies     part III: entropy control, neural policies, the law of reward and entropy
    audits      may know the truth: every inequality of a proof, measured along a run
    learners    may draw from a simulator, and know nothing else of the truth
    discounted  part I: discounted MDPs, softmax policies, natural policy gradient
    episodic    part II: reward-free episodic MDPs, visitation, policies of largest entropy
    exact       rational oracles for tiny sizes
    entropy_change    the front door for logits: stands on the ground floor alone
    distributions, confidence, transitions, validation, portable, seeds, parallel    the ground floor

Entropies are in nats.
"""

__version__ = "0.2.0.dev0"
