"""What is said: facts, the rules' words, and the check of the model's. PURE."""
