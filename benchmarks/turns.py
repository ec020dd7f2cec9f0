"""Methods timed side by side in one process, so that a busy machine disturbs all of them alike."""

import time


def in_turn(methods, rounds, clock=time.process_time):
    """{name: [(seconds, answer), ...]} of functions {name: function} that take turns.

    The first round, in which they compile, is not counted.
    """
    measured = {name: [] for name in methods}
    for round_number in range(rounds + 1):
        for name, method in methods.items():
            began = clock()
            answer = method()
            if round_number:
                measured[name].append((clock() - began, answer))
    return measured
