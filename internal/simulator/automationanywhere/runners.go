package automationanywhere

import (
	"slices"
	"strconv"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Device is a machine that bots run on.
type Device struct {
	ID       int64
	HostName string
	// Status is CONNECTED, or anything else. A deployment is accepted all the same
	// and then waits.
	Status string
}

// RunAsUser is a user that bots run under.
type RunAsUser struct {
	ID       int64
	Username string
	// Unlicensed users are listed, and a deployment under one is refused with 412.
	Unlicensed bool
}

// Pool is a pool of devices.
type Pool struct {
	ID   int64
	Name string
}

// AddDevice adds a device and gives it with its id. Status is CONNECTED if empty.
func (o *ControlRoom) AddDevice(d Device) Device {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.Status == "" {
		d.Status = "CONNECTED"
	}
	d.ID = o.nextID()
	o.devices = append(o.devices, d)
	return d
}

// AddRunAsUser adds a run-as user and gives it with its id.
func (o *ControlRoom) AddRunAsUser(u RunAsUser) RunAsUser {
	o.mu.Lock()
	defer o.mu.Unlock()
	u.ID = o.nextID()
	o.runAsUsers = append(o.runAsUsers, u)
	return u
}

// AddPool adds a pool of devices and gives it with its id.
func (o *ControlRoom) AddPool(name string) Pool {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := Pool{ID: o.nextID(), Name: name}
	o.pools = append(o.pools, p)
	return p
}

// RemoveRunners takes a device, run-as user or pool away, by its id.
func (o *ControlRoom) RemoveRunners(id int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.devices = slices.DeleteFunc(o.devices, func(d Device) bool { return d.ID == id })
	o.runAsUsers = slices.DeleteFunc(o.runAsUsers, func(u RunAsUser) bool { return u.ID == id })
	o.pools = slices.DeleteFunc(o.pools, func(p Pool) bool { return p.ID == id })
}

func (o *ControlRoom) listDevices(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return list(o, c, table[Device]{
		fields: []string{"id", "hostName", "status", "type"},
		get: func(d Device, field string) string {
			return map[string]string{
				"id": strconv.FormatInt(d.ID, 10), "hostName": d.HostName, "status": d.Status, "type": "BOT_RUNNER",
			}[field]
		},
		show: func(d Device) map[string]any {
			return map[string]any{
				"id": o.id(d.ID), "type": "BOT_RUNNER", "hostName": d.HostName, "users": []any{}, "status": d.Status,
				"poolName": "", "fullyQualifiedHostName": d.HostName + ".example.com",
			}
		},
	}, o.devices)
}

func (o *ControlRoom) listRunAsUsers(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return list(o, c, table[RunAsUser]{
		fields: []string{"id", "username"},
		get: func(u RunAsUser, field string) string {
			return map[string]string{"id": strconv.FormatInt(u.ID, 10), "username": u.Username}[field]
		},
		show: func(u RunAsUser) map[string]any {
			return map[string]any{"id": o.id(u.ID), "username": u.Username, "firstName": "", "lastName": ""}
		},
	}, o.runAsUsers)
}

func (o *ControlRoom) listPools(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return list(o, c, table[Pool]{
		fields: []string{"id", "name"},
		get: func(p Pool, field string) string {
			return map[string]string{"id": strconv.FormatInt(p.ID, 10), "name": p.Name}[field]
		},
		show: func(p Pool) map[string]any {
			return map[string]any{"id": o.id(p.ID), "name": p.Name, "status": "CONNECTED"}
		},
	}, o.pools)
}
