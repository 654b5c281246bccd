"""Whether a run was as it must be, from its records alone. PURE."""

from .evidence import Evidence
from .log import read
from .paid import books, breakers, memory, moments, recovery, sends_of_answers, wire
from .trail import account, answers
from .verdict import Verdict


def judge(evidence: Evidence) -> Verdict:
    """Return all that is wrong with a run, and its figures."""
    verdict = Verdict()
    log = read(evidence, verdict)
    account(log, evidence.letters, verdict)
    answers(log, evidence, verdict)
    wire(log, evidence.sends, verdict)
    sends_of_answers(log, evidence.bill, evidence.terms.paid_max, verdict)
    breakers(log, evidence, verdict)
    moments(evidence.samples, verdict)
    books(evidence, verdict)
    recovery(log, evidence, verdict)
    memory(evidence, verdict)
    return verdict
