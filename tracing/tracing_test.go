package tracing_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"giosgbot/tracing"
)

// process returns the Tracing of a replica, and the spans that it exports.
func process(t *testing.T) (*tracing.Tracing, *kept) {
	t.Helper()
	k := &kept{InMemoryExporter: tracetest.NewInMemoryExporter()}
	tr, err := tracing.New(t.Context(), k, "v1")
	if err != nil {
		t.Fatal(err)
	}
	return tr, k
}

// kept is an exporter that keeps its spans after Shutdown.
type kept struct{ *tracetest.InMemoryExporter }

func (*kept) Shutdown(context.Context) error { return nil }

func (k *kept) spans() map[string]sdk.ReadOnlySpan {
	out := map[string]sdk.ReadOnlySpan{}
	for _, s := range k.GetSpans().Snapshots() {
		out[s.Name()] = s
	}
	return out
}

// A trace begins with the webhook at one replica and ends with the call that another one makes.
func TestOneTraceAcrossProcesses(t *testing.T) {
	t.Parallel()
	front, frontSpans := process(t)
	worker, workerSpans := process(t)

	var carried string
	server := httptest.NewServer(front.Webhooks(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		carried = front.Carry(r.Context())
	})))
	defer server.Close()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/webhooks/messages?secret=hush-hush", strings.NewReader("{}"))
	req.Header.Set("X-Webhook-Secret", "hush-hush")
	req.Header.Set("Traceparent", "00-11111111111111111111111111111111-2222222222222222-01")
	if _, err := http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	if carried == "" || strings.Contains(carried, "1111111111111111") {
		t.Fatalf("Carry returns %q, not a trace of our own", carried)
	}

	var sent http.Header
	giosg := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sent = r.Header }))
	defer giosg.Close()
	ctx, end := worker.Turn(t.Context(), carried, slog.String("chat", "c1"))
	call, _ := http.NewRequestWithContext(ctx, "GET", giosg.URL+"/api/v5/users/u1", nil)
	call.Header.Set("Authorization", "Token hush-hush")
	res, err := (&http.Client{Transport: worker.Calls(nil)}).Do(call)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	end("answered", "")
	for _, tr := range []*tracing.Tracing{front, worker} {
		if err := tr.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	webhook, turn, reply := frontSpans.spans()["webhook"], workerSpans.spans()["turn"], workerSpans.spans()["giosg GET"]
	if webhook == nil || turn == nil || reply == nil {
		t.Fatalf("%v %v", frontSpans.spans(), workerSpans.spans())
	}
	if turn.Parent().SpanID() != webhook.SpanContext().SpanID() || reply.Parent().SpanID() != turn.SpanContext().SpanID() ||
		reply.SpanContext().TraceID() != webhook.SpanContext().TraceID() {
		t.Error("it is not one trace")
	}
	if len(webhook.Links()) != 1 {
		t.Error("the sender's trace is not linked")
	}
	if sent.Get("Traceparent") != "" {
		t.Error("the call carries the trace")
	}
	for _, s := range []sdk.ReadOnlySpan{webhook, turn, reply} {
		if text := fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Resource()); strings.Contains(text, "hush-hush") {
			t.Errorf("a secret is in the trace: %s", text)
		}
	}
}

func TestProbesAreNotTraced(t *testing.T) {
	t.Parallel()
	tr, k := process(t)
	h := tr.Webhooks(http.NotFoundHandler())
	for _, path := range []string{"/healthz", "/readyz", "/", "/nothing"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	if err := tr.Close(t.Context()); err != nil || len(k.spans()) != 0 {
		t.Error(k.spans(), err)
	}
}

func TestInvalidTraceIsIgnored(t *testing.T) {
	t.Parallel()
	tr, k := process(t)
	for _, carried := range []string{"nonsense", "00-0-0-00", strings.Repeat("x", 10000)} {
		_, end := tr.Turn(t.Context(), carried)
		end("later", "because")
	}
	if err := tr.Close(t.Context()); err != nil || len(k.GetSpans()) != 3 {
		t.Error(len(k.GetSpans()), err)
	}
}

func TestOff(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	tr, err := tracing.Start(t.Context(), "v1", slog.New(slog.DiscardHandler))
	if err != nil || tr != nil {
		t.Fatal(tr, err)
	}
	next := http.NotFoundHandler()
	if fmt.Sprintf("%p", tr.Webhooks(next)) != fmt.Sprintf("%p", next) || tr.Calls(nil) != nil || tr.Carry(t.Context()) != "" {
		t.Error("something is traced")
	}
	ctx, end := tr.Turn(t.Context(), "x")
	end("answered", "")
	if ctx != t.Context() || tr.Close(ctx) != nil {
		t.Error("something is traced")
	}
}

func TestTracesGoToTheCollectorInTheEnvironment(t *testing.T) {
	requests := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("Api-Key")
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k1")
	tr, err := tracing.Start(t.Context(), "v1", slog.New(slog.DiscardHandler))
	if err != nil || tr == nil {
		t.Fatal(tr, err)
	}
	_, end := tr.Turn(t.Context(), "")
	end("answered", "")
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-requests; got != "POST /v1/traces application/x-protobuf k1" {
		t.Error(got)
	}
}
