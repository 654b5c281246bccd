"""What analyses foretold against what came: forecasts, marks, scores with their intervals, drift, narratives. PURE."""
