"""Measurements that are run by hand: `python -m tests.rates.NAME` prints what it measures and how."""
