"""Alerts on their way to people: whom each step of an alert is for, when it is told, in what words, and that it was.

What decides is pure: `routing` (who), `lane` with `pacing` (when, and together with what), `wording` (how). Around
it stand the doors (`apprised`, `alertmanager`), a `courier` for each receiver, and the `notifier` between Kafka
and all of them.
"""
