"""Faults under load: services and Asterisks are killed while agents call, and the books are compared afterwards."""
