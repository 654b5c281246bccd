"""The composition roots: each role's objects built and handed over, by name. No containers, no globals.

A module for each role, so that a process imports no more than its own.
"""
