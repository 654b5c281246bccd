"""Market alerts as an operator meets them: rules out of files, and what they would have said."""
