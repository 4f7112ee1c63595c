package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func TestEncodeClaim(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	at := time.Date(2026, 1, 31, 7, 0, 0, 123456789, zone)
	tests := map[string]struct {
		claim Claim
		want  string
	}{
		"claimed": {
			Claim{State: Claimed, Owner: "pod-1", Until: at, Message: "m.a.1-2", Hash: "cafe"},
			`{"state":"claimed","owner":"pod-1","until":"2026-01-31T06:00:00.123456789Z","message":"m.a.1-2","hash":"cafe"}`,
		},
		"tried": {
			Claim{State: Claimed, Owner: "pod-1", Until: at, Message: "m.a.1-2", Hash: "cafe", FirstTry: at, UnknownSince: at},
			`{"state":"claimed","owner":"pod-1","until":"2026-01-31T06:00:00.123456789Z","message":"m.a.1-2","hash":"cafe",` +
				`"first_try":"2026-01-31T06:00:00.123456789Z","unknown_since":"2026-01-31T06:00:00.123456789Z"}`,
		},
		"noted": {
			Claim{State: Claimed, Owner: "pod-1", Until: at, Message: "m.a.1-2", Hash: "cafe", Before: "idle"},
			`{"state":"claimed","owner":"pod-1","until":"2026-01-31T06:00:00.123456789Z","message":"m.a.1-2","hash":"cafe","before":"idle"}`,
		},
		"done": {
			Claim{State: Done, Owner: "pod-1", Until: at, Message: "m.a.1-2", Hash: "cafe", ReceiptID: "7", ReceiptKey: "k"},
			`{"state":"done","owner":"pod-1","until":"2026-01-31T06:00:00.123456789Z","message":"m.a.1-2","hash":"cafe",` +
				`"receipt_id":"7","receipt_key":"k"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := encodeClaim(tt.claim)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			back, err := decodeClaim(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.claim, back); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	if got, want := (Claim{ReceiptID: "7", ReceiptKey: "k"}).Receipt(), (job.Receipt{ID: "7", Key: "k"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A claim of an older version has nothing noted, and is read all the same.
func TestDecodeClaimOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	got, err := decodeClaim([]byte(`{"state":"claimed","owner":"pod-1","until":"2026-01-31T06:00:00Z","message":"m.a.1-2","hash":"cafe"}`))
	if err != nil || got.Owner != "pod-1" || got.Before != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeClaimToleratesNewerVersions(t *testing.T) {
	t.Parallel()
	got, err := decodeClaim([]byte(` {"state":"done","colour":"blue","hash":"cafe","mood":{"a":[1]}} `))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Claim{State: Done, Hash: "cafe"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var corruptClaims = map[string]string{
	"empty":         ``,
	"null":          `null`,
	"array":         `[]`,
	"string":        `"claimed"`,
	"number":        `1`,
	"nothing in it": `{}`,
	"a record":      `{"attempts":3}`,
	"cut off":       `{"state":"claimed","hash":"cafe"`,
	"two":           `{"state":"done","hash":"cafe"}{}`,
	"no state":      `{"hash":"cafe"}`,
	"unknown state": `{"state":"halfway","hash":"cafe"}`,
	"state's case":  `{"state":"Done","hash":"cafe"}`,
	"no hash":       `{"state":"claimed","owner":"pod-1"}`,
	"wrong type":    `{"state":"claimed","hash":7}`,
	"not a time":    `{"state":"claimed","hash":"cafe","until":"tomorrow"}`,
	"end of time":   `{"state":"claimed","hash":"cafe","until":"9999-12-31T23:59:59-23:59"}`,
	"garbage":       "\x00\x01",
}

func TestDecodeClaimCorrupt(t *testing.T) {
	t.Parallel()
	for name, value := range corruptClaims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := decodeClaim([]byte(value)); !errors.Is(err, ErrCorrupt) || c != (Claim{}) {
				t.Errorf("got %+v, error %v, want ErrCorrupt", c, err)
			}
		})
	}
}

func FuzzDecodeClaim(f *testing.F) {
	for _, value := range corruptClaims {
		f.Add([]byte(value))
	}
	f.Add([]byte(`{"state":"done","owner":"o","until":"2026-01-31T06:00:00+01:00","message":"m","hash":"h","receipt_id":"7"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := decodeClaim(value)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		again, err := encodeClaim(c)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", c, err)
		}
		back, err := decodeClaim(again)
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", again, err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}

func TestRequestKey(t *testing.T) {
	t.Parallel()
	const want = "r.acme.eec0310629106a7a7e910c4f396ec98ffb4916938426ad4e9ffbf11d0ac4a81a"
	if got := RequestKey("acme", "inv-1").String(); got != want {
		t.Errorf("got %s, want %s: what is claimed would be forgotten", got, want)
	}
	others := map[string]Key{
		"connection": RequestKey("acme2", "inv-1"),
		"id":         RequestKey("acme", "inv-2"),
		"no id":      RequestKey("acme", ""),
		"wild":       RequestKey("acme", "a.*. >\r\n\x00\xff"),
		"long":       RequestKey("acme", strings.Repeat("x", 1<<20)),
	}
	seen := map[Key]bool{RequestKey("acme", "inv-1"): true}
	for name, k := range others {
		if seen[k] || len(k.String()) > 200 || strings.Trim(k.String(), "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
			t.Errorf("%s: %q", name, k)
		}
		seen[k] = true
	}
}
