"""What we put under Faust: whole fetches as stream items, a bulk-loaded store, transactional checkpoints.

Faust keeps groups, assignment, the table's declaration, agents and the worker. Everything here works by
subclassing; the contract tests pin the versions it was written against.
"""
