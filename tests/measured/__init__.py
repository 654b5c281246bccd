"""Measurements that are run by hand: `python -m tests.measured.NAME` prints what it measures and how."""
