"""The shipped geography, and `build_data`, the program that made it from its public sources."""
