"""What the engine carries: programs of one partition."""
