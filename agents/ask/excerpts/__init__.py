"""Strangers' posts as a question with a closed answer: cleaned, sampled, asked apart, and read as enums. PURE.

What a post says may be written to steer whoever reads it, and filters alone do not stop that. So the bound is in what
can come out: words of closed lists and small counts, of one asset, which may make an analysis less sure and nothing else.
"""
