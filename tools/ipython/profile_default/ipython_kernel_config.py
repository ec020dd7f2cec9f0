"""The IPython profile of every notebook run: no user profile takes part,
and kernels report errors only."""

import os

# figures appear under their cell in every run, also where the surrounding process draws without a
# screen
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

c = get_config()  # noqa: F821
c.IPKernelApp.log_level = 40  # the kernel's notice about its local TCP transport is not news here
c.HistoryManager.enabled = False  # parallel kernels must not queue for one history file
# vector figures, equal in every run: no date, identifiers from a fixed salt (rlentropy.plotting)
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {
    "bbox_inches": "tight",
    "metadata": {"Date": None, "Creator": None},
}
