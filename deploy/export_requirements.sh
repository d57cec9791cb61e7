#!/bin/sh
# Writes requirements*.txt from uv.lock, for pip. What CUDA needs is left to torch, which pins it: its CPU build needs none of it.
set -eu
cd "$(dirname "$0")/.."
uv="${BIN:-.venv/bin}/uv"
everywhere="\(platform_machine == 'arm64' and sys_platform == 'darwin'\) or sys_platform == 'linux'"
export_pins() {
    "$uv" export --quiet --frozen --no-emit-project --no-hashes --no-annotate --no-header "$@" |
        grep -vE '^(triton|cuda-|nvidia-)' | sed -E "s/ ; $everywhere$//; s/ and \($everywhere\)$//"
}
note="# Exported from uv.lock by 'make lock'; dependencies are declared in pyproject.toml."
pins=$(export_pins)
printf '%s\n%s\n' "$note" "$pins" > requirements.txt
for extra in dev spark; do
    more=$(export_pins --extra "$extra" | grep -vxF "$pins")
    printf '%s\n-r requirements.txt\n%s\n' "$note" "$more" > "requirements-$extra.txt"
done
