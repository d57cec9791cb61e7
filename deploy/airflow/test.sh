#!/bin/sh
# Runs the DAG by dag.test() in an environment of its own: deploy/airflow/test.sh [FOLDER OF THE ENVIRONMENT]
# PHANTOM_PYTHON names the Python of PHANTOM's environment; default .venv/bin/python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
environment=${1:-"$root/deploy/airflow/.venv"}
[ -x "$environment/bin/airflow" ] || { "${PYTHON:-python3.11}" -m venv "$environment" && "$environment/bin/pip" install --quiet -r "$here/requirements.txt"; }
AIRFLOW_HOME=$(mktemp -d)
export AIRFLOW_HOME AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$here/dags"
export AIRFLOW__CORE__UNIT_TEST_MODE=False PHANTOM_PYTHON="${PHANTOM_PYTHON:-$root/.venv/bin/python}"
trap 'rm -rf "$AIRFLOW_HOME"' EXIT
"$environment/bin/airflow" db migrate > /dev/null
cd "$here" && "$environment/bin/python" -m pytest -q --noconftest -p no:cacheprovider -c /dev/null --rootdir "$here" test_dag.py
