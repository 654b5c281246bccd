"""Asking the model: prompt, breaker, the call itself."""
