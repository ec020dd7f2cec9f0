"""Exact oracles in rational arithmetic, for tiny sizes."""
