package uipath_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// BenchmarkAddQueueItem is a whole exchange over loopback, the caller's part included.
func BenchmarkAddQueueItem(b *testing.B) {
	r := start(b, uipath.Settings{})
	r.logIn()
	for i := 0; b.Loop(); i++ {
		body := itemBody("Unique", strconv.Itoa(i))
		request, _ := http.NewRequest("POST", r.URL()+addPath, bytes.NewReader([]byte(body)))
		request.Header.Set("Authorization", "Bearer "+r.token)
		request.Header.Set("X-UIPATH-FolderPath", "Finance/AP")
		request.Header.Set("Content-Type", "application/json")
		response, err := r.client.Do(request)
		if err != nil || response.StatusCode != 201 {
			b.Fatal(response, err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}
