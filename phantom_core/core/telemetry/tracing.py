"""Traces: spans sent over OTLP when a collector is configured, and no overhead otherwise.

`OTEL_EXPORTER_OTLP_ENDPOINT` and the other OTEL_* variables mean what OpenTelemetry says they mean.
"""

from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# Of this process; OpenTelemetry allows one, and looks at the environment to find that out.
_PROVIDERS: Final[list[TracerProvider]] = []


def set_up_tracing(service: str, environment: Mapping[str, str]) -> Callable[[], None]:
    """Send spans of this process to the collector that the environment names, if any.

    Args:
        service: name of the service in every span.
        environment: variables, as os.environ.
    Returns:
        A function that flushes the spans and stops; to be called before the process ends.
    """
    if not any(environment.get(name) for name in ENDPOINTS):
        return _nothing
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - only where it is wanted

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"phantom-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _PROVIDERS.append(provider)
    return provider.shutdown


def is_tracing() -> bool:
    """Whether spans of this process go anywhere."""
    return bool(_PROVIDERS)


def get_tracer(name: str) -> trace.Tracer:
    """A tracer; its spans cost nothing when no collector is configured."""
    return trace.get_tracer(f"phantom.{name}")


def _nothing() -> None:
    """Nothing to stop."""
