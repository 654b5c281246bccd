"""`tapereader evaluate`: topics are read, outlooks scored, and what came out is shown, written and drawn."""
