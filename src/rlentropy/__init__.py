"""Entropy in reinforcement learning: how policies lose it, how explorers maximise it.

The package computes what the book proves. Modules stand on floors, and imports go down only:

    0  distributions, validation, parallel
    1  mdp, softmax_policy, visitation_entropy
    2  environments, bellman, visitation
    3  natural_gradient, max_visitation_entropy, forecaster, trajectory_entropy, discounted_entropy, confidence
    4  entropy_dynamics, sampling, empirical_model, fast_rate
    5  entgame, entgame_proof, ucbvi_ent, baselines, optimistic_soft_vi, entropy_control, neural_policy,
       reward_entropy_law
    6  plotting
    side: symbolic (sympy only), verify (knows no mathematics of the book)

Entropies are in nats. Import the modules you need, for example ``from rlentropy import bellman, mdp``.
"""

__version__ = "0.1.0"
