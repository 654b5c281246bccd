"""One corpus of hostile text, sent through every door the project has: what comes out is text and nothing else."""
