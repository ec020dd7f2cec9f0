"""A ledger of proofs for a literate book: checks that notebooks run, pages made from their records.

Nothing here knows what the book is about: the computer algebra behind symbolic checks is an
argument.

    checks, records       declare and run the checks of statements;
                          each leaves a record in the notebook
    figures               digests of what figures show, kept beside the pictures
    nbval                 pytest: stored and new figures are compared through their digests
    ledger, graph         Sphinx: statuses, the table, the graphs, made from the records
    api                   Sphinx: pages of functions, linked with the statements that they compute
    proofs, plain_titles  Sphinx: folded proofs, titles without markup

In a notebook::

    %load_ext proofledger
    from proofledger import Verifier
    verify = Verifier(prover=finitesums)
    verify.symbolic("thm-covariance-identity", left, right, mutants={"sign": -right})
"""

from typing import Any

from _own_names import tidy
from proofledger.checks import CheckFailed as CheckFailed
from proofledger.checks import Verifier as Verifier
from proofledger.records import Record as Record


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext proofledger``: figures carry digests, checks time themselves per cell."""
    from proofledger import figures, records

    figures.register(shell)
    records.watch_cells(shell)


tidy(__name__)
