#!/bin/sh
# Set up .venv: `tools/setup.sh book` for a reader, `tools/setup.sh test` with what the tests need besides.
# Does nothing when the environment is as the lock files say and stands where it was made.
# uv installs where it is there or can be had (seconds); else pip does (a minute or two).
set -eu

cd "$(dirname "$0")/.."
venv=.venv
want=${1:-book}
log=$venv/setup.log

say() { printf '%s\n' "$*"; }
stop() { printf 'error: %s\n' "$*" >&2; exit 1; }

# A Python is fit if it runs and is 3.11, 3.12 or 3.13.
fit() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || stop "PYTHON=$PYTHON is not a program; give the path of a Python 3.11, 3.12 or 3.13."
        fit "$PYTHON" || stop "PYTHON=$PYTHON is $("$PYTHON" -V 2>&1 || true); the book needs Python 3.11, 3.12 or 3.13."
        printf '%s' "$PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && fit "$name"; then
            printf '%s' "$name"
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        stop "python3 is $(python3 -V 2>&1 || true); the book needs Python 3.11, 3.12 or 3.13 (choose one with: make PYTHON=/path/to/python3)."
    fi
    stop "Python is missing; install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv)."
}

# One line for each name: a line that changes with the Python, the place of the checkout, or a lock file.
stamps() {
    "$python" - <<'PY'
import hashlib, os, sys
place = "python {}.{} at {}".format(*sys.version_info[:2], os.getcwd())
print(place)
digest = hashlib.sha256()
for names in (("requirements.txt", "pyproject.toml"), ("requirements-test.txt",)):
    for name in names:
        with open(name, "rb") as handle:
            digest.update(handle.read() + b"\0")
    print(place, "with", digest.hexdigest()[:16])
PY
}

line() { printf '%s\n' "$found" | sed -n "$1p"; }
installed() { [ -f "$venv/.$1" ] && [ "$(cat "$venv/.$1")" = "$2" ]; }
pip() { "$venv/bin/python" -m pip --disable-pip-version-check -qq "$@"; }

# uv of this machine, or the one of the lock, fetched into the environment; empty if there is none.
find_uv() {
    uv=$(command -v uv || true)
    [ -n "$uv" ] || uv=$venv/bin/uv
    [ -x "$uv" ] && return
    sed -n '/^uv==/,/# via/p' requirements.txt >"$venv/uv.txt"
    pip install --no-deps --require-hashes -r "$venv/uv.txt" >>"$log" 2>&1 || uv=
}

# Errors of uv are kept in the log, for what it cannot do pip does, and says so itself if it fails.
install() {
    if [ -n "$uv" ]; then
        "$uv" pip install -q --compile-bytecode --python "$venv/bin/python" "$@" >>"$log" 2>&1 && return
        say "uv could not (see $log); trying pip …"
    fi
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
    pip install "$@"
}

make_venv() {
    say "Making the virtual environment $venv with $("$python" -V) …"
    rm -rf "$venv"
    if command -v uv >/dev/null 2>&1 && uv venv -q --python "$python" "$venv" 2>/dev/null; then
        return
    fi
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        stop "this Python has no venv module (Debian and Ubuntu: apt-get install python3-venv)."
    "$python" -m venv "$venv" || stop "the virtual environment could not be made (Debian and Ubuntu: apt-get install python3-venv)."
}

# Unless told otherwise, stay with the Python of the environment that stands here.
python=$venv/bin/python
if [ -n "${PYTHON:-}" ] || ! fit "$python"; then
    python=$(find_python)
fi
found=$(stamps)
if [ "$python" = "$venv/bin/python" ] && ! installed place "$(line 1)"; then
    python=$(find_python)
    found=$(stamps)
fi

# True for a working environment of the same Python that somebody made here by hand: it is completed, not removed.
ours_to_complete() {
    [ ! -f "$venv/.place" ] && [ -x "$venv/bin/python" ] &&
        [ "$(python=$venv/bin/python; stamps 2>/dev/null | head -n 1)" = "$(line 1)" ]
}

# Scripts and editable installs hold absolute paths: a moved checkout or another Python means a new environment.
if ! installed place "$(line 1)" || ! fit "$venv/bin/python"; then
    ours_to_complete || make_venv
    line 1 >"$venv/.place"
fi

if ! installed book "$(line 2)"; then
    say "Installing the pinned packages …"
    find_uv
    install --require-hashes -r requirements.txt
    install --no-deps --no-build-isolation -e .
    line 2 >"$venv/.book"
fi

if [ "$want" = test ] && ! installed test "$(line 3)"; then
    say "Installing the packages of the tests …"
    find_uv
    install --require-hashes -r requirements-test.txt
    line 3 >"$venv/.test"
fi
