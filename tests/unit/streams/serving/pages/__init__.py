"""The dashboard's pages, without a browser: their pure halves, and what they may never do with text."""
