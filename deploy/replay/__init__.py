"""A range of the raw topics copied under another prefix, as it was, so that the same windows come out again."""
