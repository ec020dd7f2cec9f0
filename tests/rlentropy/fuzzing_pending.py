"""Arguments that still take bad input: "function parameter". `test_fuzz` notices a mended one."""

PENDING: set[str] = set()
