package automationanywhere_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
)

const bots = `Automation Anywhere\Bots\`

func TestFiles(t *testing.T) {
	t.Parallel()
	const e11, a360 = "/v2/repository/file/list", "/v2/repository/workspaces/public/files/list"
	near := []any{bots + `Finance\Post`, bots + `finance\post`, bots + `Finance\Post`, bots + `Finance\Post2`}
	tests := map[string]struct {
		generation automationanywhere.Generation
		path, body string
		status     int
		want       []any
	}{
		"a360, eq":             {automationanywhere.A360, a360, `{"filter":{"operator":"eq","field":"path","value":"Automation Anywhere\\Bots\\Finance\\Post"}}`, 200, near[:3]},
		"a360, older path":     {automationanywhere.A360, e11, `{"filter":{"operator":"substring","field":"path","value":"finance\\POST"}}`, 200, near},
		"a360, type and name":  {automationanywhere.A360, a360, `{"filter":{"operator":"and","operands":[{"operator":"eq","field":"type","value":"application/vnd.aa.taskbot"},{"operator":"eq","field":"name","value":"post"}]}}`, 200, near[:2]},
		"a360, directories":    {automationanywhere.A360, a360, `{"filter":{"operator":"eq","field":"directory","value":"true"}}`, 400, nil},
		"a360, in a directory": {automationanywhere.A360, a360, `{"filter":{"operator":"eq","field":"parentId","value":"1"},"page":{"offset":0,"length":1}}`, 200, []any{bots + `Finance`}},
		"e11, substring":       {automationanywhere.E11, e11, `{"filter":{"operator":"substring","field":"path","value":"finance\\post"}}`, 200, near},
		"e11, eq on the path":  {automationanywhere.E11, e11, `{"filter":{"operator":"eq","field":"path","value":"x"}}`, 400, nil},
		"e11, name":            {automationanywhere.E11, e11, `{"filter":{"operator":"eq","field":"name","value":"Post2"}}`, 200, near[3:]},
		"e11, directories":     {automationanywhere.E11, e11, `{"filter":{"operator":"eq","field":"directory","value":"true"}}`, 200, []any{bots + `Finance`}},
		"e11, type":            {automationanywhere.E11, e11, `{"filter":{"operator":"eq","field":"type","value":"x"}}`, 400, nil},
		"e11, the other path":  {automationanywhere.E11, a360, `{}`, 404, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Generation: test.generation})
			directory := r.AddFile(automationanywhere.File{Path: bots + `Finance`, Type: automationanywhere.Directory})
			r.AddFile(automationanywhere.File{Path: bots + `Finance\Post`})
			r.AddFile(automationanywhere.File{Path: bots + `finance\post`})
			r.AddFile(automationanywhere.File{Path: bots + `Finance\Post`, Type: automationanywhere.Document})
			r.AddFile(automationanywhere.File{Path: bots + `Finance\Post2`})
			got := r.api(test.path, test.body)
			if diff := cmp.Diff(test.want, got.column("path")); diff != "" || got.status != test.status {
				t.Fatalf("%d\n%s", got.status, diff)
			}
			if len(test.want) == 0 {
				return
			}
			row := got.rows()[0]
			_, typed := row["type"]
			_, text := row["id"].(string)
			if typed == (test.generation == automationanywhere.E11) || text == typed || directory.Name() != "Finance" {
				t.Errorf("the row is %v", row)
			}
		})
	}
}

func TestRunners(t *testing.T) {
	t.Parallel()
	for generation := range generations {
		t.Run(string(generation), func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Generation: generation})
			device := r.AddDevice(automationanywhere.Device{HostName: "HOST1"})
			r.AddDevice(automationanywhere.Device{HostName: "host2", Status: "DISCONNECTED"})
			r.AddRunAsUser(automationanywhere.RunAsUser{Username: "Robot1"})
			r.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot1"})
			r.AddPool("Night")
			status := map[bool]int{true: 200, false: 404}[generation == automationanywhere.A360]
			tests := []struct {
				path, body, column string
				status             int
				want               []any
			}{
				{"/v2/devices/list", `{"filter":{"operator":"eq","field":"status","value":"CONNECTED"}}`, "hostName", 200, []any{"HOST1"}},
				{"/v2/devices/list", `{"sort":[{"field":"id","direction":"desc"}]}`, "hostName", 200, []any{"host2", "HOST1"}},
				{"/v1/devices/runasusers/list", `{"filter":{"operator":"eq","field":"username","value":"robot1"}}`, "username", status, []any{"Robot1", "robot1"}},
				{"/v2/devices/pools/list", `{"filter":{"operator":"substring","field":"name","value":"ig"}}`, "name", status, []any{"Night"}},
			}
			for _, test := range tests {
				got := r.api(test.path, test.body)
				if got.status == 404 {
					test.want = nil
				}
				if diff := cmp.Diff(test.want, got.column(test.column)); diff != "" || got.status != test.status {
					t.Errorf("%s: %d\n%s", test.path, got.status, diff)
				}
			}
			r.RemoveRunners(device.ID)
			if got := r.api("/v2/devices/list", "{}"); len(got.rows()) != 1 {
				t.Errorf("after the removal: %s", got.text)
			}
		})
	}
}
