"""The way in: sources of raw events, and the runner that sends what they see."""
