package request

import (
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

const benchBody = `{"id":"inv-000123","action":"add_queue_item","folder":"Finance/AP","queue":"Invoices",` +
	`"reference":"inv-000123","priority":"high","due_by":"2026-01-31T19:00:00+01:00",` +
	`"content":{"Vendor":"ACME","Amount":"12.50","Currency":"EUR","Lines":3,"Urgent":false}}`

func benchmarkDecode(b *testing.B, s Settings, body string) {
	d, err := NewDecoder(s)
	if err != nil {
		b.Fatal(err)
	}
	m := Message{
		Subject: "jobs.invoices.a", Header: map[string][]string{"Nats-Msg-Id": {"inv-000123"}},
		Data: []byte(body), Stream: "JOBS", Sequence: 7, Time: time.Unix(1, 0),
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, out, ok := d.Decode(b.Context(), m); !ok {
			b.Fatal(out)
		}
	}
}

func BenchmarkDecodeForm1(b *testing.B) {
	benchmarkDecode(b, Settings{
		Fixed:    Preset{Folder: "Finance/AP", Queue: "Invoices"},
		Defaults: Preset{Action: job.AddQueueItem, Priority: job.Normal},
	}, benchBody)
}

func BenchmarkDecodeNative(b *testing.B) {
	benchmarkDecode(b, Settings{Fixed: Preset{Folder: "Finance/AP", Queue: "Invoices"}},
		`{"itemData":{"Name":"Invoices","Priority":"High","Reference":"r-1","SpecificContent":{"Vendor":"ACME","Amount":"12.50"}}}`)
}

func BenchmarkDecodeTransform(b *testing.B) {
	benchmarkDecode(b, Settings{
		Fixed:     Preset{Queue: "Invoices"},
		Transform: `{action: "add_queue_item", id: .nr, content: {Vendor: .vendor.name, Amount: .amount}}`,
	}, `{"nr":"inv-000123","vendor":{"name":"ACME"},"amount":12.50}`)
}
