package deadletter

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 7, 0, 0, 5_000_000, time.FixedZone("", 3600))
	l := Letter{
		Route: "invoices", Reason: job.RejectedByTarget, Detail: "no such queue", Status: 400, ErrorCode: "1016",
		Attempts: 3, Stream: "JOBS", Sequence: 7, Time: at, Subject: "jobs.invoices.x", RequestID: "inv-1",
		FirstTry: at, FailedAt: at.Add(time.Second),
		Header: nats.Header{"Nats-Msg-Id": {"inv-1"}, "ce-id": {"1"}, "X-Two": {"a", "b"}},
	}
	want := nats.Header{
		"Queueferry-Original-Msg-Id": {"inv-1"}, "ce-id": {"1"}, "X-Two": {"a", "b"},
		"Queueferry-Route": {"invoices"}, "Queueferry-Reason": {"rejected"}, "Queueferry-Detail": {"no such queue"},
		"Queueferry-Status": {"400"}, "Queueferry-Error-Code": {"1016"}, "Queueferry-Attempts": {"3"},
		"Queueferry-Stream": {"JOBS"}, "Queueferry-Sequence": {"7"}, "Queueferry-Subject": {"jobs.invoices.x"},
		"Queueferry-Request-Id": {"inv-1"}, "Queueferry-First-Try": {"2026-01-31T06:00:00.005Z"},
		"Queueferry-Failed-At":     {"2026-01-31T06:00:01.005Z"},
		"Queueferry-Unknown-Since": {"never"},
	}
	if diff := cmp.Diff(want, l.header()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHeaderLeavesOutWhatIsNotSet(t *testing.T) {
	t.Parallel()
	want := nats.Header{
		"Queueferry-Route": {"r"}, "Queueferry-Reason": {"undecodable"}, "Queueferry-Attempts": {"0"},
		"Queueferry-Stream": {"JOBS"}, "Queueferry-Sequence": {"1"}, "Queueferry-Subject": {"s"},
	}
	l := Letter{Route: "r", Reason: job.Undecodable, Stream: "JOBS", Sequence: 1, Subject: "s"}
	if diff := cmp.Diff(want, l.header()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Nats-Msg-Id":                "Queueferry-Original-Msg-Id",
		"nats-msg-id":                "Queueferry-Original-msg-id",
		"NATS-Rollup":                "Queueferry-Original-Rollup",
		"Nats-Expected-Stream":       "Queueferry-Original-Expected-Stream",
		"Natsy":                      "Natsy",
		"Queueferry-Reason":          "Queueferry-Original-Queueferry-Reason",
		"queueferry-reason":          "Queueferry-Original-queueferry-reason",
		"Queueferry-Original-Msg-Id": "Queueferry-Original-Queueferry-Original-Msg-Id",
		"Queueferry-Request-Id":      "Queueferry-Original-Queueferry-Request-Id",
		"ce-id":                      "ce-id",
		"Content-Type":               "Content-Type",
		"traceparent":                "traceparent",
		"with space":                 "with%20space",
		"a:b":                        "a%3Ab",
		"a\r\nQueueferry-Reason":     "a%0D%0AQueueferry-Reason",
		"naïve":                      "na%C3%AFve",
		"a/b(c)":                     "a%2Fb%28c%29",
	}
	for name, want := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if got := inbound(name); got != want {
				t.Errorf("inbound(%q) = %q, want %q", name, got, want)
			}
		})
	}
}

// A publisher sends every header that we write; ours must stand.
func TestNothingIsForged(t *testing.T) {
	t.Parallel()
	l := Letter{Route: "r", Reason: job.Undecodable, Stream: "JOBS", Sequence: 1, Subject: "s", RequestID: "id", Detail: "d"}
	plain := l.header()
	l.Header = nats.Header{}
	for _, name := range []string{
		HeaderRoute, HeaderReason, HeaderDetail, HeaderStatus, HeaderErrorCode, HeaderAttempts, HeaderStream,
		HeaderSequence, HeaderSubject, HeaderRequestID, HeaderFirstTry, HeaderFailedAt, HeaderUnknownSince, HeaderEncoding,
	} {
		l.Header[name] = []string{"forged"}
		l.Header[strings.ToLower(name)] = []string{"forged"}
	}
	got := l.header()
	for name, values := range got {
		if strings.HasPrefix(name, OriginalPrefix) {
			continue
		}
		if diff := cmp.Diff(plain[name], values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(got) != len(plain)+len(l.Header) {
		t.Errorf("%d headers, want our %d and the publisher's %d", len(got), len(plain), len(l.Header))
	}
}

func TestRequestIDIsWholeOrAbsent(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"inv-000123":                  true,
		"Überweisung 7":               true,
		"source|id":                   true,
		" leading":                    false,
		"trailing ":                   false,
		"line\nbreak":                 false,
		"inv\r\nQueueferry-Reason: x": false,
		"tab\there":                   false,
		"bad \xff UTF-8":              false,
		strings.Repeat("x", 4096):     true,
		strings.Repeat("x", 4097):     false,
		"":                            false,
	}
	for id, kept := range tests {
		h := Letter{RequestID: id}.header()
		switch got, ok := h[HeaderRequestID]; {
		case ok != kept:
			t.Errorf("id %.40q: kept %v, want %v", id, ok, kept)
		case kept && got[0] != id:
			t.Errorf("id %.40q became %.40q", id, got[0])
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 10)
	f.Add("a\r\nQueueferry-Reason: forged", 1024)
	f.Add(" \t ü \u2028 \x00 \x7f \u0085", 5)
	f.Add(strings.Repeat("ü", 600), 1024)
	f.Add("\xff\xfe", 4)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 0), maxValue)
		got := clean(s, limit)
		if len(got) > limit {
			t.Errorf("%d bytes, the limit is %d", len(got), limit)
		}
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q is no header value", got)
		}
		if strings.TrimSpace(got) != got && strings.Trim(got, " ") != got {
			t.Errorf("%q has space at its ends", got)
		}
		if again := clean(got, limit); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	})
}

func FuzzInbound(f *testing.F) {
	for _, name := range []string{"Nats-Msg-Id", "queueferry-x", "a b", "é", ":", "%", "\r\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := inbound(name)
		if hasPrefixFold(got, natsPrefix) || (hasPrefixFold(got, ownPrefix) && !strings.HasPrefix(got, OriginalPrefix)) {
			t.Errorf("inbound(%q) = %q", name, got)
		}
		if len(name) > 0 {
			if m := (&nats.Msg{Header: nats.Header{got: {"v"}}}); m.Size() == 0 {
				t.Errorf("the library refuses the name %q", got)
			}
		}
	})
}
