#!/usr/bin/env bash
# Gradescope runs this once, as root and with the network, when it builds the image.
set -euo pipefail
umask 022

source=/autograder/source
# not below root's home: a user without rights must be able to run what answers run in
home=/usr/local/share/course

apt-get update -q
apt-get install -y -q --no-install-recommends ca-certificates python3-venv
python3 -m venv "$home/tools"
"$home/tools/bin/pip" install -q "uv>=0.8"

# the image's own Python may be older than the course takes
export UV_PYTHON_INSTALL_DIR="$home/python" UV_NO_CACHE=1
"$home/tools/bin/uv" venv -q --managed-python --python 3.11 "$home/venv"
cd "$source/course"
"$home/tools/bin/uv" pip install -q --python "$home/venv" --torch-backend cpu --compile-bytecode \
  -r pyproject.toml -c constraints.txt

# answers run as a user that owns nothing: it must have torch, and must not have the solutions
chmod go= "$source"
runuser -u nobody -- "$home/venv/bin/python" -c "import torch"
if runuser -u nobody -- ls "$source/course" 2>/dev/null; then
  echo "$source is open to every user: answers could read the solutions" >&2
  exit 1
fi
