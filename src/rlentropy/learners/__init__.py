"""Learners: they may draw from a simulator and know nothing else of the truth."""
