"""Insurance covers: what a policy on a vehicle is exposed to, decided from values. Pure.

Exposure by country, handover at the line, gaps of cover and of proof, breaches, incidents and the monthly
report. What is due and what is told is the engine's.
"""
