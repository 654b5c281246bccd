"""Market alerts: declared rules over the windows of a partition, as a pure fold. docs/alerts.md specifies it."""
