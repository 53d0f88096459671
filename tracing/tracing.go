// Package tracing follows an event from its webhook to the bot's reply, through the queue and across processes, with OpenTelemetry.
//
// It is off unless OTEL_EXPORTER_OTLP_ENDPOINT says where traces go; the other OTEL_ variables mean what OpenTelemetry says. A trace
// holds ids, results and durations: no token, no secret, no words. giosg is told nothing of it, and what giosg or anybody else sends as
// a trace is not continued but linked.
//
// All methods may be called on a nil *Tracing, which traces nothing and costs nothing.
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

// Tracing makes spans and sends them.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Start returns nil if the environment names no place for traces.
func Start(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" ||
		strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	// A collector that is down is worth a line now and then, not the bot's attention.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces were not sent", "err", err) }))
	return New(ctx, exporter, version)
}

// New sends traces to an exporter.
func New(ctx context.Context, exporter sdk.SpanExporter, version string) (*Tracing, error) {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "giosg-bot"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word
		resource.WithHost(),
	)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracing{provider: p, tracer: p.Tracer("giosgbot")}, nil
}

// Close sends what is left.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Door traces webhooks. The span's name is the route, never the address as it came, which holds a secret.
func (t *Tracing) Door(next http.Handler) http.Handler {
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

// Calls traces calls of giosg's API, and tells giosg nothing of it.
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

// Carry returns what must travel with an event so that its turn joins the trace; empty without one.
func (t *Tracing) Carry(ctx context.Context) string {
	if t == nil {
		return ""
	}
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return c[header]
}

// Turn begins the span of a turn, in the trace that was carried. end tells what became of it. The context must be the turn's, so that
// its calls belong to it.
func (t *Tracing) Turn(ctx context.Context, carried string, about ...slog.Attr) (_ context.Context, end func(result, reason string)) {
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
