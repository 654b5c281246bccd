"""The pure halves of the pages: a view and a time in, pieces out. PURE."""
