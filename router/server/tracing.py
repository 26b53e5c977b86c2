"""Tracing with OpenTelemetry: a span for each unary RPC, and in it, or in a batch's caller, one for its commands.

The packages are an extra, `skill-router[tracing]`; where spans go is said by the standard `OTEL_…` environment. Keeps
one invariant: without tracing none of this is imported, and nothing is measured for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib.metadata import version
from time import perf_counter_ns
from typing import Any, Final

import grpc
from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from router.server.errors import REASONS
from router.server.metrics.command_meter import COMMAND_NAMES
from router.server.rpcs.grpc_types import Context, Handler, ServerInterceptor
from router.server.writing.requests import Answer, Submission

APPLY_METHOD: Final = "/router.v1.CommandService/Apply"
_OURS: Final = "/router.v1."
_STREAMS: Final = frozenset({APPLY_METHOD, "/router.v1.WatchService/Watch"})
_PREFIX: Final = "skill_router"
_CLOSE_S_MAX: Final = 2.0


class Tracing:
    """What a server needs to trace with `provider`: interceptors, to be outermost, and a span for each work."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("skill-router", version("skill-router"))

    def interceptors(self) -> Sequence[ServerInterceptor]:
        """Return the interceptors: the field's own for unary RPCs, and one that lets batches find their caller."""
        unary: ServerInterceptor = aio_server_interceptor(self._provider, _is_unary)  # type: ignore[no-untyped-call]
        return (unary, CallerInterceptor())

    def span_of_work(self, taken_ns: int) -> CommandsSpan:
        """Begin the span of commands that are taken now, in the context of whoever sends them."""
        return CommandsSpan(self._tracer.start_span(f"{_PREFIX}.commands"), taken_ns)

    def close(self) -> None:
        """Send what is left, but not for long."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        closing.start()
        closing.join(_CLOSE_S_MAX)


def set_up_tracing() -> Tracing:
    """Return tracing that exports over OTLP, as `OTEL_EXPORTER_OTLP_…` and `OTEL_TRACES_SAMPLER` say."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    ours = Resource({SERVICE_NAME: "skill-router", SERVICE_VERSION: version("skill-router")})
    # what the environment says comes before what we say
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class CommandsSpan:
    """The way of one work: waiting for its turn, applied, made durable."""

    __slots__ = ("_applied_ns", "_applying_ns", "_span", "_taken_ns")

    def __init__(self, span: trace.Span, taken_ns: int) -> None:
        self._span = span
        self._taken_ns = taken_ns
        self._applying_ns = self._applied_ns = 0

    def applying(self) -> None:
        """Note that its turn has come."""
        self._applying_ns = perf_counter_ns()

    def applied(self, submissions: Sequence[Submission], answers: Sequence[Answer]) -> None:
        """Note that it was carried out, and what was in it."""
        self._applied_ns = perf_counter_ns()
        span = self._span
        if not span.is_recording():
            return
        kinds = dict.fromkeys(COMMAND_NAMES[type(submission.command)] for submission in submissions)
        span.set_attribute(f"{_PREFIX}.commands", len(submissions))
        span.set_attribute(f"{_PREFIX}.command", tuple(kinds))
        span.set_attribute(f"{_PREFIX}.queue_wait_us", (self._applying_ns - self._taken_ns) // 1000)
        span.set_attribute(f"{_PREFIX}.apply_us", (self._applied_ns - self._applying_ns) // 1000)
        sequences = [sequence for answer in answers if (sequence := _sequence_of(answer)) is not None]
        if sequences:
            span.set_attribute(f"{_PREFIX}.sequence", max(sequences))
        reasons = dict.fromkeys(answer.refusal.reason for answer in answers if answer.refusal is not None)
        if reasons:
            span.set_attribute(f"{_PREFIX}.rejections", tuple(reasons))

    def ended(self, reason: str) -> None:
        """Note that it was answered, or refused; only the first time counts."""
        span = self._span
        if not span.is_recording():
            return
        if self._applied_ns:
            span.set_attribute(f"{_PREFIX}.commit_us", (perf_counter_ns() - self._applied_ns) // 1000)
        if reason:
            span.set_attribute(f"{_PREFIX}.refusal", reason)
            if reason in REASONS and REASONS[reason].code is grpc.StatusCode.INTERNAL:
                span.set_status(trace.Status(trace.StatusCode.ERROR, reason))
        span.end()


class CallerInterceptor(ServerInterceptor):
    """Let the spans of a command stream's batches belong to the trace of whoever opened the stream.

    There is no span for the stream itself: it would end when the client goes, days later.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of a method, wrapped if it is the command stream."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler_call_details.method != APPLY_METHOD:
            return handler  # type: ignore[no-any-return]
        serve = handler.stream_stream
        carrier = {key: value for key, value in handler_call_details.invocation_metadata if isinstance(value, str)}

        async def in_context(requests: AsyncIterator[Any], context: Context) -> None:
            token = contexts.attach(propagate.extract(carrier))
            try:
                await serve(requests, context)
            finally:
                contexts.detach(token)

        wrapped: Handler = grpc.stream_stream_rpc_method_handler(
            in_context, handler.request_deserializer, handler.response_serializer
        )
        return wrapped


class TraceFields(logging.Filter):
    """Add to each line which trace and span it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        found = trace.get_current_span().get_span_context()
        if found.is_valid:
            record.__dict__.setdefault("trace_id", trace.format_trace_id(found.trace_id))
            record.__dict__.setdefault("span_id", trace.format_span_id(found.span_id))
        return True


def _is_unary(details: grpc.HandlerCallDetails) -> bool:
    return details.method.startswith(_OURS) and details.method not in _STREAMS


def _sequence_of(answer: Answer) -> int | None:
    if answer.result is not None:
        return answer.result.sequence
    return None if answer.refusal is None else answer.refusal.sequence
