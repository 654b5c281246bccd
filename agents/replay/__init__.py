"""What the agent said, said again from what is recorded, without asking anybody. PURE."""
