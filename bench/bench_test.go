package main

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	if got, want := spreadOf([]float64{3, 1, 4, 2}), (spread{2.5, 1, 4}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := spreadOf([]float64{9, 1, 4}), (spread{4, 1, 9}); got != want {
		t.Errorf("%+v", got)
	}
}

// What arrives twice, or was never published, does not balance.
func TestBooks(t *testing.T) {
	t.Parallel()
	m := newMock()
	defer m.close()
	m.reset(3, 0)
	m.release()
	post := func(path, body string) {
		t.Helper()
		resp, err := http.Post(m.plain.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	post(bulkPath, `{"queueItems":[{"SpecificContent":{"BenchItem":"0000000"}},{"SpecificContent":{"BenchItem":"0000002"}}]}`)
	if err := m.now().audit(3); err == nil {
		t.Error("one is missing, and nobody minds")
	}
	post(singlePath, `{"itemData":{"SpecificContent":{"BenchItem":"0000001"}}}`)
	if err := m.now().audit(3); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{"a double": `"BenchItem":"0000001"`, "a stranger": `"BenchItem":"0000003"`} {
		before := m.now()
		post(singlePath, body)
		if after := m.now(); after.audit(3) == nil || after.doubles+after.strangers != before.doubles+before.strangers+1 {
			t.Errorf("%s: %+v", name, after)
		}
	}
}

func TestChartIsXML(t *testing.T) {
	t.Parallel()
	r := report{Results: []result{{Case: "a < b", Baseline: "bare & loop", Measured: "worker", Rounds: []pair{{figures{Rate: 2, CPU: 1}, figures{Rate: 1, CPU: 2}}}}}}
	d := xml.NewDecoder(strings.NewReader(string(r.chart())))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
