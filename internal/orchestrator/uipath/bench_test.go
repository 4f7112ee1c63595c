package uipath

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// sized is a request with so many fields of so many characters.
func sized(n, length int) *job.Request {
	r := item()
	r.Priority, r.DueBy = job.High, time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	r.Content = job.Fields{}
	for i := range n {
		r.Content[fmt.Sprintf("Field%03d", i)] = json.RawMessage(`"` + strings.Repeat("x", length) + `"`)
	}
	return r
}

var sizes = map[string]*job.Request{"10x20": sized(10, 20), "100x200": sized(100, 200), "1x200000": sized(1, 200000)}

func BenchmarkNewItemAndMarshal(b *testing.B) {
	for name, r := range sizes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := marshalItem(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	c := New(Settings{ContentLimit: 256000})
	for name, r := range sizes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.Check(r); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkReadError(b *testing.B) {
	body := []byte(`{"message":"Error creating Transaction. Duplicate Reference.","errorCode":1016,"traceId":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"}`)
	b.ReportAllocs()
	for b.Loop() {
		if e, ok := readError(body); !ok || e.ErrorCode != codeDuplicateReference {
			b.Fatal(e)
		}
	}
}

func BenchmarkSubmit(b *testing.B) {
	api := always(created())
	c := api.connector()
	t := orchestrator.Try{Request: sizes["10x20"]}
	b.ReportAllocs()
	for b.Loop() {
		api.requests, api.bodies = api.requests[:0], api.bodies[:0]
		if r := c.Submit(b.Context(), t); r.Verdict != job.Delivered {
			b.Fatal(r)
		}
	}
}
