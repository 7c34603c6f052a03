"""Proof that the tests of the rules bite: small faults are put into a copy of the model and must be noticed."""
