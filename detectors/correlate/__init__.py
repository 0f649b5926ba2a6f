"""Sigma's correlations: pure, state in, state and alerts out. What is open in the specification is settled in
the manual's page on correlations."""
