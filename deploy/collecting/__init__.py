"""What people ask about sources: which there are, how they are, and whether the real thing answers."""
