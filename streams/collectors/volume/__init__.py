"""Traded volume as venues and aggregators report it: candles, rolling turnovers, totals of an asset."""
