"""What was paid for once and can be said again: bytes under a key, in this process and in a Redis that may lose them."""
