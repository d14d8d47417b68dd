"""The roles of the distributed system: what each process runs, and what it is built from."""
