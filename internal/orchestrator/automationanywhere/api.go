package automationanywhere

import "net/url"

// enterprise11 is the older generation of the product; every other is Automation
// 360.
const enterprise11 = "e11"

// api has the paths of one generation (Enterprise 11 and Automation 360, Control
// Room APIs).
type api struct {
	e11         bool
	queues      string // the list of queues
	items       string // the work items of a queue, with its id in between
	files       string // the list of bots
	deploy      string
	deployments string // the list of activities; empty: nothing tells a deployment by its name
}

// deployUnattended starts bots by unattendedRequest.
const deployUnattended = "/v4/automations/deploy"

func apiOf(generation string) api {
	if generation == enterprise11 {
		return api{
			e11: true, queues: "/v2/wlm/queues/list", items: "/v2/wlm/queues/", files: "/v2/repository/file/list",
			deploy: "/v2/automations/deploy",
		}
	}
	return api{
		queues: "/v3/wlm/queues/list", items: "/v3/wlm/queues/", files: "/v2/repository/workspaces/public/files/list",
		deploy: "/v3/automations/deploy", deployments: "/v3/activity/list",
	}
}

// itemsOf is where the items of a queue are added.
func (a api) itemsOf(queue string) string { return a.items + url.PathEscape(queue) + "/workitems" }
