"""Quantum circuits on state vectors: gates, ansatz, and adjoint derivatives."""
