"""Clearance told to people: what a case did and why, the pilot's report, a vehicle's whole way."""
