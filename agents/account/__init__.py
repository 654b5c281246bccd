"""What the model costs: prices, and the ledger that bounds the spend."""
