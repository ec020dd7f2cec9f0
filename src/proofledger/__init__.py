"""A ledger of proofs for a literate book: checks that notebooks run, and pages made from their records.

Nothing here knows what the book is about.

    verify         declares and runs the checks of statements; each leaves a record in the notebook
    ledger, graph  Sphinx: statuses, the table, the graphs, made from the records
    proofs, plain_titles, _mystnb   Sphinx: folded proofs, titles without markup, records on pages
"""
