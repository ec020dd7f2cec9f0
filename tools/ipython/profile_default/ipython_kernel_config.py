"""The IPython profile of every notebook run: no user profile takes part,
and kernels report errors only."""

import os

# figures appear under their cell in every run, also where the surrounding process draws without a
# screen
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

c = get_config()  # noqa: F821
c.IPKernelApp.log_level = 40  # the kernel's notice about its local TCP transport is not news here
c.HistoryManager.enabled = False  # parallel kernels must not queue for one history file
