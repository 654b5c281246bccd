"""Everything that decides whether to ask a model, asks it, and answers for the cost.

The folders are the path of one aggregate: `decide` (is it worth an analysis), `ask` (the model), `account`
(what it costs), `answer` (what is said, by the model or by rules).
"""
