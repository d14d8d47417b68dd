"""Tests of the reference itself, on cases whose right answer anyone can see."""
