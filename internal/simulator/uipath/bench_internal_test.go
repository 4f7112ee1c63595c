package uipath

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkServeAddQueueItem is the server's own part of adding an item.
func BenchmarkServeAddQueueItem(b *testing.B) {
	o, err := Start(Settings{})
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	o.AddQueue("Finance/AP", "Unique", Queue{UniqueReference: true})
	o.newToken("queueferry", AllScopes)
	var token string
	for t := range o.tokens.grants {
		token = t
	}
	for i := 0; b.Loop(); i++ {
		body := `{"itemData":{"Name":"Unique","Priority":"Normal","Reference":"` + strconv.Itoa(i) +
			`","SpecificContent":{"Vendor":"ACME","Amount":"12.50","Paid":false}}}`
		request := httptest.NewRequest(http.MethodPost, o.prefix+"/odata/Queues/UiPathODataSvc.AddQueueItem", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set(headerFolderPath, "Finance/AP")
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		o.serveAPI(recorder, request)
		if recorder.Code != http.StatusCreated {
			b.Fatal(recorder.Code, recorder.Body)
		}
	}
}
