"""A reference single window for both sides of a border: what integrators and tests connect to."""
