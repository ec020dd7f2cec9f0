# The surroundings of every run: one thread a process, one hash seed, no window, no user's profile,
# and nothing of the caller's Python. Read by the Makefile and by tools/execution.py.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1
export PYTHONHASHSEED := 0
export MPLBACKEND := agg
export IPYTHONDIR := $(CURDIR)/tools/ipython
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_PLATFORM_DIRS := 1
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS
unexport PYTHONOPTIMIZE PYTHONSAFEPATH PYTHONINSPECT
