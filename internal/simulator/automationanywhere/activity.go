package automationanywhere

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// activity is one run of a deployment.
type activity struct {
	*Deployment
	run int
}

// listActivity lists the runs, the latest first (Automation 360, Activity list).
func (o *ControlRoom) listActivity(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rows []activity
	for _, d := range slices.Backward(o.deployments) {
		for run := range d.Runs {
			rows = append(rows, activity{d, run})
		}
	}
	fields := []string{"id", "automationId", "automationName", "fileId", "fileName", "deviceId", "status", "startDateTime", "endDateTime"}
	if o.settings.Generation == A360 {
		fields = append(fields, "deploymentId", "createdOn")
	}
	if o.settings.NamesNotFiltered {
		fields = slices.DeleteFunc(fields, func(field string) bool { return field == "automationName" })
	}
	return list(o, c, table[activity]{
		fields:   fields,
		get:      activity.field,
		show:     o.showActivity,
		appeared: func(a activity) time.Time { return a.appeared },
		hide:     unseen,
	}, rows)
}

// unseen takes away the deployments that this list is still to leave out. The
// lock is held.
func unseen(rows []activity) []activity {
	hidden := map[*Deployment]bool{}
	for _, row := range rows {
		if row.unseen > 0 {
			hidden[row.Deployment] = true
		}
	}
	for d := range hidden {
		d.unseen--
	}
	return slices.DeleteFunc(rows, func(row activity) bool { return hidden[row.Deployment] })
}

func (a activity) field(name string) string {
	switch name {
	case "id":
		return a.ID + "_" + strconv.Itoa(a.run)
	case "automationId":
		return strconv.FormatInt(a.number, 10)
	case "automationName":
		return a.Name
	case "fileId":
		return strconv.FormatInt(a.FileID, 10)
	case "fileName":
		return a.File[strings.LastIndexByte(a.File, '\\')+1:]
	case "deviceId":
		return strconv.FormatInt(a.device(), 10)
	case "status":
		return a.Status
	case "deploymentId":
		return a.ID
	default:
		return a.Created.Format(stampLayout)
	}
}

// device is 0 where the server has not chosen one yet.
func (a activity) device() int64 {
	if a.run < len(a.Devices) {
		return a.Devices[a.run]
	}
	return 0
}

// showActivity writes a run as the generation does: on Enterprise 11 nothing of
// it names the deployment but the automation's id.
func (o *ControlRoom) showActivity(a activity) map[string]any {
	shown := map[string]any{
		"id": a.field("id"), "automationId": o.id(a.number), "automationName": a.Name, "fileId": o.id(a.FileID),
		"fileName": a.field("fileName"), "filePath": a.File, "type": "RUN_NOW", "status": a.Status, "progress": 0,
		"deviceId": o.id(a.device()), "userId": o.id(9), "startDateTime": a.field("startDateTime"), "endDateTime": nil,
	}
	if o.settings.Generation == A360 {
		shown["deploymentId"], shown["createdOn"] = a.ID, a.field("createdOn")
	}
	return shown
}
