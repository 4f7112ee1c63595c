package uipath_test

import (
	"encoding/base64"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestFolderHeaders(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	umlaut := r.AddFolder("Finance/Rechnungsprüfung")
	shared := r.AddFolder("Shared")
	r.AddFolder("Clef/𝄞")
	const none = ""
	tests := map[string]struct {
		headers header
		status  int
		code    int
	}{
		"id":                         {header{"X-UIPATH-OrganizationUnitId": strconv.FormatInt(shared.ID, 10)}, 200, 0},
		"key":                        {header{"X-UIPATH-FolderKey": shared.Key}, 200, 0},
		"key in capitals":            {header{"X-UIPATH-FolderKey": strings.ToUpper(shared.Key)}, 200, 0},
		"path":                       {header{"X-UIPATH-FolderPath": "Finance/AP"}, 200, 0},
		"path in other case":         {header{"X-UIPATH-FolderPath": "finance/ap"}, 200, 0},
		"a parent made on the way":   {header{"X-UIPATH-FolderPath": "Finance"}, 200, 0},
		"encoded":                    {header{"X-UIPATH-FolderPath-Encoded": "UwBoAGEAcgBlAGQA"}, 200, 0},
		"encoded, not ASCII":         {header{"X-UIPATH-FolderPath-Encoded": "RgBpAG4AYQBuAGMAZQAvAFIAZQBjAGgAbgB1AG4AZwBzAHAAcgD8AGYAdQBuAGcA"}, 200, 0},
		"encoded, surrogate pair":    {header{"X-UIPATH-FolderPath-Encoded": encode(0x43, 0x6c, 0x65, 0x66, 0x2f, 0xd834, 0xdd1e)}, 200, 0},
		"no header":                  {nil, 400, 1101},
		"unknown id":                 {header{"X-UIPATH-OrganizationUnitId": "1"}, 403, 1100},
		"id that is no number":       {header{"X-UIPATH-OrganizationUnitId": "Shared"}, 403, 1100},
		"unknown key":                {header{"X-UIPATH-FolderKey": "00000000-0000-4000-8000-000000000000"}, 403, 1100},
		"unknown path":               {header{"X-UIPATH-FolderPath": "Finance/AR"}, 403, 1100},
		"trailing slash":             {header{"X-UIPATH-FolderPath": "Finance/AP/"}, 403, 1100},
		"plain path, not ASCII":      {header{"X-UIPATH-FolderPath": umlaut.Path}, 403, 1100},
		"encoded as UTF-8":           {header{"X-UIPATH-FolderPath-Encoded": base64.StdEncoding.EncodeToString([]byte("Shared"))}, 403, 1100},
		"encoded without padding":    {header{"X-UIPATH-FolderPath-Encoded": "UwBoAGEAcgBlAGQALwBGAGkAbgBhAG4AYwBlAA"}, 403, 1100},
		"encoded with a mark":        {header{"X-UIPATH-FolderPath-Encoded": encode(0xfeff, 'S', 'h', 'a', 'r', 'e', 'd')}, 403, 1100},
		"encoded, half a pair":       {header{"X-UIPATH-FolderPath-Encoded": encode(0x43, 0x6c, 0x65, 0x66, 0x2f, 0xd834)}, 403, 1100},
		"encoded, odd length":        {header{"X-UIPATH-FolderPath-Encoded": "UwBo"}, 403, 1100},
		"encoded path wins over key": {header{"X-UIPATH-FolderPath-Encoded": encode('N', 'o'), "X-UIPATH-FolderKey": shared.Key}, 403, 1100},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			headers := header{"X-UIPATH-FolderPath": none}
			maps.Copy(headers, test.headers)
			got := r.call("GET", "/odata/QueueDefinitions", headers, "")
			if got.status != test.status || got.code() != test.code {
				t.Errorf("got %d %s, want %d and code %d", got.status, got.text, test.status, test.code)
			}
		})
	}
}

func encode(units ...uint16) string {
	var raw []byte
	for _, u := range units {
		raw = append(raw, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestFolderIsNeededByEveryOperationButTwo(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	without := header{"X-UIPATH-FolderPath": ""}
	for path, body := range map[string]string{addPath: itemBody("Invoices", "a"), bulkPath: bulkBody("AllOrNothing", "a"), startPath: jobBody("a")} {
		if got := r.call("POST", path, without, body); got.status != 400 || got.code() != 1101 {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	for path, want := range map[string]int{
		"/odata/QueueDefinitions": 400, "/odata/Releases": 400, "/odata/QueueItems": 400, "/odata/Jobs": 400,
		"/odata/QueueItems(1)": 400, "/odata/Jobs(1)": 400, "/odata/Folders": 200, "/api/Status/Get": 200,
	} {
		if got := r.call("GET", path, without, ""); got.status != want {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.text, want)
		}
	}
}

func TestRenumberedFolderKeepsItsKey(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	id := r.add("Invoices", "a").body["Id"].(float64)
	old := header{"X-UIPATH-FolderPath": "", "X-UIPATH-OrganizationUnitId": strconv.FormatInt(r.folder.ID, 10)}
	renumbered := r.RenumberFolder("Finance/AP")
	if renumbered.Key != r.folder.Key || renumbered.ID == r.folder.ID {
		t.Fatalf("%+v became %+v", r.folder, renumbered)
	}
	if got := r.call("POST", addPath, old, itemBody("Invoices", "b")); got.status != 403 || got.code() != 1100 {
		t.Errorf("by the old id: %d %s", got.status, got.text)
	}
	path := "/odata/QueueItems(" + strconv.FormatInt(int64(id), 10) + ")"
	if got := r.call("GET", path, nil, ""); got.status != 200 {
		t.Errorf("an item of before: %d %s", got.status, got.text)
	}
	r.RemoveFolder("Finance/AP")
	if got := r.add("Invoices", "b"); got.status != 403 || got.code() != 1100 {
		t.Errorf("removed: %d %s", got.status, got.text)
	}
}

func TestListOfFolders(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	got := r.call("GET", "/odata/Folders"+query("$filter", "FullyQualifiedName eq 'Finance/AP'"), nil, "")
	rows := got.rows()
	if len(rows) != 1 || rows[0]["Key"] != r.folder.Key || rows[0]["DisplayName"] != "AP" || rows[0]["Id"] != float64(r.folder.ID) {
		t.Errorf("got %s", got.text)
	}
}
