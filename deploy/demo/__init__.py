"""Everything on one machine: planned, run, watched and reported on."""
