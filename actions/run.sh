#!/usr/bin/env bash
# run.sh COMMAND [ARGUMENT...]: mlops-ci from the source beside this file. Without arguments it only sets up.
# The caller's interpreter, environment, PATH and checkout stay as they are: an environment of our own in RUNNER_TEMP
# holds the hash-locked dependencies, as wheels, and a line that points to the source. Nothing is built.
set -euo pipefail

# Python on Windows cannot read the paths of Git Bash; -W is how that prints one it can.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && { pwd -W 2>/dev/null || pwd; })
lock=$root/requirements/actions.txt
key=$({ echo "$root" && cat "$lock"; } | cksum)
home=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/mlops-ci-${key// /-}

stop() {
  echo "::error title=mlops-ci::$1"
  exit 3
}

# -I, here and below: neither the checkout nor PYTHON* variables decide what is imported. Unlike -P, 3.10 has it.
# What is on PATH may be a script of a version manager, which uv does not take: Python says where it is.
# Written without a line break, which on Windows would bring a carriage return.
find_python() {
  local python
  local script='import sys, venv; sys.exit(1) if sys.version_info < (3, 10) else sys.stdout.write(sys.executable)'
  for python in python3 python python3.14 python3.13 python3.12 python3.11 python3.10; do
    "$python" -I -X utf8 -c "$script" 2>/dev/null && return
  done
}

interpreter() {
  if [[ -d $home/Scripts ]]; then echo "$home/Scripts/python.exe"; else echo "$home/bin/python"; fi
}

packages() {
  "$(interpreter)" -I -X utf8 -c 'import sys, sysconfig; sys.stdout.write(sysconfig.get_path("purelib"))'
}

with_uv() {
  uv venv --quiet --no-project --python "${1:->=3.10}" "$home" &&
    uv pip install --quiet --python "$home" --no-deps --require-hashes --only-binary :all: -r "$lock"
}

with_pip() {
  export PIP_ROOT_USER_ACTION=ignore
  local pip=("$1" -I -m pip) without=(--without-pip)
  "$1" -I -c 'import pip' &>/dev/null || pip=("$(interpreter)" -I -m pip) without=()
  "$1" -I -m venv "${without[@]}" "$home" &&
    "${pip[@]}" install --quiet --disable-pip-version-check --no-compile --target "$(packages)" \
      --no-deps --require-hashes --only-binary :all: -r "$lock"
}

# Mirrors and proxies of the machine hold for uv and pip; what the checkout configures does not, nor what would change
# where packages go.
set_up() {
  local python
  cd "$(dirname "$home")"
  unset VIRTUAL_ENV CONDA_PREFIX UV_{PYTHON,SYSTEM_PYTHON,EXCLUDE_NEWER,OVERRIDE,CONSTRAINT,NO_BINARY,BUILD_CONSTRAINT}
  unset PIP_{USER,TARGET,PREFIX,ROOT,NO_BINARY,CONSTRAINT,REQUIREMENT,REQUIRE_VIRTUALENV,PYTHON}
  rm -rf "$home"
  python=$(find_python) || true
  if command -v uv >/dev/null; then
    with_uv "$python"
  elif [[ $python ]]; then
    with_pip "$python"
  else
    stop 'found neither Python 3.10 or newer nor uv: put actions/setup-python before this step'
  fi || stop 'cannot install its dependencies, see above; without access to PyPI, set PIP_INDEX_URL or UV_INDEX_URL'
  echo "$root" >"$(packages)/mlops-ci.pth"
  # Last: where it is missing, a set-up was stopped half-way, and is made again.
  touch "$home/ready"
}

# What is in production stands in notes, which no checkout fetches; without them a report does without it. The token is
# seen by git alone, in an empty repository: nothing that the checkout has configured or brought along runs with it.
fetch_notes() {
  local url empty ref=refs/notes/mlops-ci
  # shellcheck disable=SC2016 # the helper reads it, where git runs it
  local helper='!f() { echo username=x-access-token; echo "password=$NOTES_TOKEN"; }; f'
  url=$(git remote get-url origin) && empty=$(mktemp -d "$(dirname "$home")/notes-XXXXXX") || return 0
  git init --quiet --bare "$empty" &&
    NOTES_TOKEN=$1 GIT_TERMINAL_PROMPT=0 git -C "$empty" -c http.lowSpeedLimit=1 -c http.lowSpeedTime=20 \
      -c "credential.${GITHUB_SERVER_URL:-https://github.com}.helper=$helper" fetch --quiet --no-tags -- "$url" "$ref:$ref" &&
    git -c core.hooksPath=/dev/null fetch --quiet --no-tags "$empty" "$ref:$ref"
  rm -rf "$empty"
}

[[ -e $home/ready ]] || (set_up)
(($#)) || exit 0
if [[ ${MLOPS_CI_NOTES_TOKEN:-} ]]; then
  fetch_notes "$MLOPS_CI_NOTES_TOKEN" &>/dev/null </dev/null || true
  unset MLOPS_CI_NOTES_TOKEN
fi
exec "$(interpreter)" -I -X utf8 -m mlops_ci "$@"
