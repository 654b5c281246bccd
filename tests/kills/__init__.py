"""Workers that are harmed while they work, and what the topics hold afterwards."""
