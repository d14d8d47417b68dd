"""What is kept and served: the time-series store, the read model and the dead letters."""
