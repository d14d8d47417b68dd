"""Where the engine meets files and processes: the runtimes. They decide nothing."""
