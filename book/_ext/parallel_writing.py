"""Pages are written by as many processes as there are cores, after one process has read them all.

Not every extension in use says that pages may be read so.
"""

import os


def allow(app, env):
    app.parallel = (os.cpu_count() or 1) + 1  # one of them hands out the pages


def setup(app):
    app.connect("env-updated", allow)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
