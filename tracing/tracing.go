// Package tracing follows an event from its webhook through the queue to the bot's reply, across processes, with OpenTelemetry.
//
// Tracing is off unless OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names a collector. The other OTEL_
// variables have the meaning that OpenTelemetry defines. A trace contains ids, results and durations, but no token, no secret and no
// text of a message. Requests to giosg carry no trace. A trace in a request from outside is linked, not continued.
//
// All methods work on a nil *Tracing and then do nothing.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing records spans and exports them.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Start returns a Tracing that exports to the collector in the environment, or nil if the environment names none.
func Start(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" ||
		strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	// A collector that is down must not stop the bot.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces were not sent", "err", err) }))
	return New(ctx, exporter, version)
}

// New returns a Tracing with an exporter. Tests use it; the bot uses Start.
func New(ctx context.Context, exporter sdk.SpanExporter, version string) (*Tracing, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "giosg-bot"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // after the attributes above, so that OTEL_SERVICE_NAME overrides them
		resource.WithHost(),
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracing{provider: p, tracer: p.Tracer("giosgbot")}, nil
}

// Close exports the remaining spans.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Webhooks returns a handler that traces webhooks. A span does not contain the URL, because there is a secret in it.
func (t *Tracing) Webhooks(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, "webhook",
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithFilter(func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/webhooks/") }),
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return "webhook" }),
	)
}

// Calls returns a transport that traces calls to giosg's API. It adds no trace headers to them.
func (t *Tracing) Calls(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return otelhttp.NewTransport(next,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return "giosg " + r.Method }),
	)
}

const header = "traceparent" // of W3C Trace Context

// Carry returns the text to store with an event, so that its turn joins the trace in ctx. It is empty if there is no trace.
func (t *Tracing) Carry(ctx context.Context) string {
	if t == nil {
		return ""
	}
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c[header]
}

// Turn starts the span of a turn, in the trace that Carry returned. The turn must use the returned context, so that the spans of its
// calls become children of this span, and call end with its result.
func (t *Tracing) Turn(
	ctx context.Context, carried string, about ...slog.Attr,
) (_ context.Context, end func(result, reason string)) {
	if t == nil {
		return ctx, func(string, string) {}
	}
	if carried != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: carried})
	}
	ctx, span := t.tracer.Start(ctx, "turn", trace.WithSpanKind(trace.SpanKindConsumer))
	for _, a := range about {
		span.SetAttributes(attribute.String("giosg."+a.Key, a.Value.String()))
	}
	return ctx, func(result, reason string) {
		span.SetAttributes(attribute.String("giosg.result", result))
		if reason != "" {
			span.SetAttributes(attribute.String("giosg.reason", reason))
		}
		if result == "set aside" || result == "later" || result == "lost" {
			span.SetStatus(codes.Error, result)
		}
		span.End()
	}
}
