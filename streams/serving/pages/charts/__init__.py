"""Pictures of windows over time: what is drawn, in numbers and our own words. PURE; `static/tape_stack.js` draws it."""
