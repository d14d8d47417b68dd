"""A truck's telematics unit in software: it knows the rest of the house only by bytes on the wire.

``python -m firmware_sim run`` drives a fleet of invented trucks over the Mohan-Boten gate and publishes
what their units would publish: GNSS, J1939, store-and-forward, and the faults of a scenario file.
"""
