package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	at := time.Date(2026, 1, 31, 7, 0, 0, 123456789, zone)
	tests := map[string]struct {
		record Record
		want   string
	}{
		"zero":     {Record{}, `{}`},
		"attempts": {Record{Attempts: 3, FirstTry: at}, `{"attempts":3,"first_try":"2026-01-31T06:00:00.123456789Z"}`},
		"not sent": {Record{NotSent: true}, `{"not_sent":true}`},
		"unknown":  {Record{UnknownSince: at, BusySince: at, BusyUntil: at}, `{"unknown_since":"2026-01-31T06:00:00.123456789Z","busy_since":"2026-01-31T06:00:00.123456789Z","busy_until":"2026-01-31T06:00:00.123456789Z"}`},
		"dead": {
			Record{Dead: &Dead{Reason: job.RejectedByTarget, Detail: "no", Status: 400, ErrorCode: "1016", Attempts: 1, FailedAt: at}},
			`{"dead":{"reason":"rejected","detail":"no","status":400,"error_code":"1016","attempts":1,"failed_at":"2026-01-31T06:00:00.123456789Z"}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := encode(tt.record)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			back, err := decode(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.record, back); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeLeavesTheRecordAlone(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	dead := &Dead{Reason: job.Panicked, FailedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, zone)}
	if _, err := encode(Record{Dead: dead}); err != nil {
		t.Fatal(err)
	}
	if dead.FailedAt.Location() != zone {
		t.Error("the caller's Dead was changed")
	}
}

func TestDecodeToleratesNewerVersions(t *testing.T) {
	t.Parallel()
	got, err := decode([]byte(` {"attempts":2,"colour":"blue","dead":{"reason":"rejected","mood":1}} `))
	if err != nil {
		t.Fatal(err)
	}
	want := Record{Attempts: 2, Dead: &Dead{Reason: job.RejectedByTarget}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var corrupt = map[string]string{
	"empty":             ``,
	"null":              `null`,
	"array":             `[]`,
	"string":            `"x"`,
	"number":            `1`,
	"cut off":           `{"attempts":3`,
	"two":               `{}{}`,
	"wrong type":        `{"attempts":"three"}`,
	"negative":          `{"attempts":-1}`,
	"not a time":        `{"first_try":"yesterday"}`,
	"end of time":       `{"first_try":"9999-12-31T23:59:59-23:59"}`,
	"dead of no reason": `{"dead":{}}`,
	"garbage":           "\x00\x01",
}

func TestDecodeCorrupt(t *testing.T) {
	t.Parallel()
	for name, value := range corrupt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, err := decode([]byte(value)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %+v, error %v, want ErrCorrupt", r, err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, value := range corrupt {
		f.Add([]byte(value))
	}
	f.Add([]byte(`{"attempts":3,"not_sent":true,"first_try":"2026-01-31T06:00:00Z","dead":{"reason":"rejected","status":400}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decode(value)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", r, err)
		}
		back, err := decode(again)
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", again, err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}

func TestMessageKey(t *testing.T) {
	t.Parallel()
	at := time.Unix(1769839200, 123456789)
	want := "m.invoices.18446744073709551615-1769839200123456789"
	if got := MessageKey("invoices", 1<<64-1, at).String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if MessageKey("a", 1, at) != MessageKey("a", 1, at.UTC()) {
		t.Error("the zone of the time counts")
	}
	if MessageKey("a", 1, at) == MessageKey("a", 1, at.Add(1)) {
		t.Error("a nanosecond does not count")
	}
}
