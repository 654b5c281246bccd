"""From aggregates to candidates: context, gate, inbox, and which offsets are finished. PURE."""
