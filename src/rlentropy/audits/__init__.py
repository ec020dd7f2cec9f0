"""Audits: they may know the truth, and measure every inequality of a proof along a run."""
