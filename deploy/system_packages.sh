#!/bin/sh
# Installs what Python packages cannot: Graphviz draws trees, Chromium runs the browser tests.
# Does nothing where both are there, or where apt or the right to use it is missing: the app works without.
set -eu
missing=""
command -v dot >/dev/null || missing="$missing graphviz"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null
else
    echo "Not installed:$missing. The app works without; browser tests are skipped without chromium." >&2
fi
