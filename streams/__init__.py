"""Everything that moves events without asking a model: collectors, windows, what is served."""
