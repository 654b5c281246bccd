"""Trades of venues, live."""
