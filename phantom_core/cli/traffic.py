"""Verb that runs generated shoppers against the services."""

import signal
from typing import Annotated

import typer

from phantom_core.cli.run import Json, emit


def traffic(
    *,
    rate: Annotated[
        float, typer.Option(min=0.1, help="Shoppers a minute, humans and agents.")
    ] = 30.0,
    ingest: Annotated[
        str, typer.Option(help="Address of the ingest service.")
    ] = "http://127.0.0.1:8001",
    pricing: Annotated[
        str, typer.Option(help="Address of the pricing service.")
    ] = "http://127.0.0.1:8010",
    key: Annotated[
        str, typer.Option(envvar="PHANTOM_TRAFFIC_KEY", help="For services that require one.")
    ] = "",
    shoppers: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many; default never.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of shoppers and arrivals.")] = 1,
    as_json: Json = False,
) -> None:
    """Let generated shoppers browse, request prices and buy, in real time, until stopped."""
    import asyncio

    from phantom_core.services.traffic.storefront import Storefront
    from phantom_core.services.traffic.traffic import Tally
    from phantom_core.services.traffic.traffic import traffic as run_traffic

    stopped: list[int] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: stopped.append(number))

    async def run() -> Tally:
        shop = Storefront(ingest, pricing, key)
        try:
            return await run_traffic(
                shop,
                per_minute=rate,
                seed=seed,
                is_over=lambda: bool(stopped),
                report=lambda tally: print(tally.line(), flush=True) if not as_json else None,
                most=shoppers,
            )
        finally:
            await shop.close()

    tally = asyncio.run(run())
    emit(tally.to_json(), as_json)
