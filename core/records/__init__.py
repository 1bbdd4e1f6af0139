"""The records: how they are read, written, counted and kept true."""
