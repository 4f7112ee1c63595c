package integration

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	aa "github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

func newControlRoom(t *testing.T, generation aa.Generation) (*house, *aa.ControlRoom) {
	t.Helper()
	room, err := aa.Start(aa.Settings{Generation: generation, ReferenceVariable: "in_Id"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	return &house{
		site: siteOf(room.Server),
		connection: yaml{
			"product": "automation_anywhere", "generation": string(generation), "url": room.URL(),
			"credentials": []any{yaml{"grant": "control_room", "username": "queueferry", "api_key": "key"}},
		},
		alien: "folder", of: "F",
		mine: func(r *http.Request, body []byte) bool {
			return !strings.HasSuffix(r.URL.Path, "/list") && bytes.Contains(body, []byte(`"`+victim+`"`))
		},
		made: func() (ids []string) {
			for _, e := range room.Effects(aa.Acting...) {
				ids = append(ids, e.Reference)
			}
			return ids
		},
		logIns: []server.Operation{aa.LogIn},
		api:    []server.Operation{aa.ListQueues, aa.AddWorkItems, aa.ListWorkItems, aa.ListFiles, aa.Deploy, aa.ListActivity},
	}, room
}

func workItemsOfE11(t *testing.T) *house { return workItems(t, aa.E11) }

func workItemsOfA360(t *testing.T) *house { return workItems(t, aa.A360) }

func workItems(t *testing.T, generation aa.Generation) *house {
	t.Helper()
	h, room := newControlRoom(t, generation)
	model := []aa.Column{{Name: "Vendor", Display: 1}, {Name: "Reference", Display: 2, Reference: true}}
	for _, name := range []string{unique, double, double} {
		room.AddQueue(name, model...)
	}
	h.field, h.twice = "queue", double
	h.place = yaml{"action": "add_queue_item", "queue": unique}
	h.route = yaml{
		"reference_column": "Reference",
		"defaults":         yaml{"action": "add_queue_item"},
		"allow":            yaml{"queues": []any{unique, missing, double}, "options": []any{"*"}},
	}
	h.request = func(id string) yaml { return yaml{"id": id, "queue": unique, "content": yaml{"Vendor": "ACME"}} }
	h.other = func(r yaml) { r["content"] = yaml{"Vendor": "Other"} }
	h.acts, h.looks, h.reads = []server.Operation{aa.AddWorkItems}, []server.Operation{aa.ListWorkItems}, []server.Operation{aa.ListQueues}
	return h
}

const (
	bots   = `Automation Anywhere\Bots\`
	theBot = bots + "Post"
)

func botsOfE11(t *testing.T) *house {
	t.Helper()
	h, room := newBots(t, aa.E11)
	device := room.AddDevice(aa.Device{HostName: "runner"})
	h.runsOn(yaml{"deviceIds": []any{id(device.ID)}})
	return h
}

func botsOfV3(t *testing.T) *house {
	t.Helper()
	h, room := newBots(t, aa.A360)
	user := room.AddRunAsUser(aa.RunAsUser{Username: "robot"})
	h.runsOn(yaml{"runAsUserIds": []any{id(user.ID)}})
	return h
}

func botsOfV4(t *testing.T) *house {
	t.Helper()
	h, room := newBots(t, aa.A360)
	user := room.AddRunAsUser(aa.RunAsUser{Username: "robot"})
	h.runsOn(yaml{"unattendedRequest": yaml{"runAsUserIds": []any{user.ID}}})
	return h
}

func newBots(t *testing.T, generation aa.Generation) (*house, *aa.ControlRoom) {
	t.Helper()
	h, room := newControlRoom(t, generation)
	for _, path := range []string{theBot, bots + double, bots + double} {
		room.AddFile(aa.File{Path: path, Inputs: map[string]string{"in_Id": "STRING", "in_More": "STRING"}})
	}
	h.field, h.twice = "process", bots+double
	h.place = yaml{"action": "start_job", "process": theBot}
	h.request = func(id string) yaml { return yaml{"id": id, "process": theBot, "arguments": yaml{"in_Id": id}} }
	h.other = func(r yaml) { r["arguments"] = yaml{"in_Id": r["id"], "in_More": "other"} }
	h.acts, h.looks, h.reads = []server.Operation{aa.Deploy}, []server.Operation{aa.ListActivity}, []server.Operation{aa.ListFiles}
	return h, room
}

// runsOn has the route say where bots run.
func (h *house) runsOn(options yaml) {
	h.place["options"] = options
	h.route = yaml{
		"defaults": yaml{"action": "start_job"}, "fixed": yaml{"options": options},
		"allow": yaml{"processes": []any{theBot, missing, bots + double}, "options": []any{"*"}},
	}
}

func id(n int64) string { return strconv.FormatInt(n, 10) }
