"""What the windows must have said, worked out a second time and compared with what the topics hold.

A second implementation of docs/windows.md, written from that text: it shares no code with `streams` and nothing
with `topics` but the names in the table of topics, so that a defect there is not repeated here. A contract of
the linter holds that. Values are recomputed from all events of a window, by lists and integers; what is slow
is left slow where that is clearer.

`recompute` is the fold and what it needs (`form`, `routing`, `clock`, `seen`, `subject`, `values`, `scores`, `outputs`);
`pairing`, `compare`, `sample` and `partition` judge; all of that is pure. `topic_log` reads Kafka, and `run` joins the two.
"""
