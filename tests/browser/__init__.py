"""The dashboard in a real Chromium, before the real `serve` role, which reads a real log."""
