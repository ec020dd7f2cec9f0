#!/bin/sh
# Set up .venv: `tools/setup.sh book` for a reader, `tools/setup.sh test` with what the tests need besides.
# Does nothing when the environment is as the lock files say and stands where it was made.
set -eu

cd "$(dirname "$0")/.."
venv=.venv
want=${1:-book}

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

# One line that changes with the Python, the place of the checkout, or a lock file.
stamp() {
    "$python" - "$@" <<'PY'
import hashlib, os, sys
digest = hashlib.sha256()
for name in sys.argv[1:]:
    with open(name, "rb") as handle:
        digest.update(handle.read() + b"\0")
print("python {}.{} at {} with {}".format(*sys.version_info[:2], os.getcwd(), digest.hexdigest()[:16]))
PY
}

installed() { [ -f "$venv/.$1" ] && [ "$(cat "$venv/.$1")" = "$2" ]; }

pip_install() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@"; }

make_venv() {
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        stop "this Python has no venv module (Debian and Ubuntu: apt-get install python3-venv)."
    say "Making the virtual environment $venv with $("$python" -V) …"
    rm -rf "$venv"
    "$python" -m venv "$venv" || stop "the virtual environment could not be made (Debian and Ubuntu: apt-get install python3-venv)."
}

# Unless told otherwise, stay with the Python of the environment that stands here.
python=$venv/bin/python
if [ -n "${PYTHON:-}" ] || ! fit "$python" || ! installed place "$(stamp /dev/null)"; then
    python=$(find_python)
fi
place=$(stamp /dev/null)
book=$(stamp requirements.txt pyproject.toml)
test=$(stamp requirements.txt pyproject.toml requirements-test.txt)

# True for a working environment of the same Python that somebody made here by hand: it is completed, not removed.
ours_to_complete() {
    [ ! -f "$venv/.place" ] && [ -x "$venv/bin/python" ] &&
        [ "$(python="$venv/bin/python"; stamp /dev/null 2>/dev/null)" = "$place" ] &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

# Scripts and editable installs hold absolute paths: a moved checkout or another Python means a new environment.
if ! installed place "$place" || ! fit "$venv/bin/python"; then
    ours_to_complete || make_venv
    printf '%s\n' "$place" >"$venv/.place"
fi

if ! installed book "$book"; then
    say "Installing the pinned packages (about a minute the first time) …"
    pip_install --require-hashes -r requirements.txt
    pip_install --no-deps --no-build-isolation -e .
    printf '%s\n' "$book" >"$venv/.book"
fi

if [ "$want" = test ] && ! installed test "$test"; then
    say "Installing the packages of the tests …"
    pip_install --require-hashes -r requirements-test.txt
    printf '%s\n' "$test" >"$venv/.test"
fi
