package automationanywhere

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Deployment is a start of a bot as the books show it. Nothing in it must be
// changed.
type Deployment struct {
	// ID is the deploymentId; on Enterprise 11, the automationId.
	ID string
	// Reference is the automationName that was asked for; on Enterprise 11, which has
	// none, the text of the variable Settings.ReferenceVariable.
	Reference string
	// Name is the automationName that the server shows.
	Name       string
	Path       string // of the call, which tells the version
	FileID     int64
	File       string // path of the bot
	Devices    []int64
	RunAsUsers []int64
	Pools      []int64
	Runs       int // how many activities came of it
	// Inputs are the variables as they were sent.
	Inputs map[string]jsontext.Value
	// CallbackURL and CallbackHeaders of callbackInfo, empty without it.
	CallbackURL     string
	CallbackHeaders map[string]string
	Body            []byte // as it came
	Account         string // that asked for it, in lower case
	Status          string
	Created         time.Time // on the server's clock, in milliseconds

	number   int64
	unseen   int       // lists that are still to leave it out
	appeared time.Time // on our own clock
}

// deploy has no device against repetition: every call that is accepted starts the
// bot.
func (o *ControlRoom) deploy(c *server.Call, a Account) server.Answer {
	asked, refused := o.readOrder(c)
	if refused != nil {
		return *refused
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.files, func(f File) bool { return f.ID == asked.file })
	if i < 0 {
		return notFound("File")
	}
	file := o.files[i]
	switch {
	case file.Type != TaskBot:
		return envelope(http.StatusBadRequest, codeMalformed, "The file is no bot")
	case !o.inputsFit(asked, file):
		return envelope(http.StatusBadRequest, codeMalformed, "A value does not fit the bot's input variables")
	case !asked.callback.trusted(o.settings.TrustedCallbacks):
		return envelope(http.StatusBadRequest, codeMalformed, "The callback URL is not trusted")
	}
	if refused := o.runnersFor(asked); refused != nil {
		return *refused
	}
	return o.started(o.start(c, a, asked, file))
}

func (o *ControlRoom) readOrder(c *server.Call) (order, *server.Answer) {
	var body interface{ order() (order, bool) } = &deployV3{}
	switch {
	case o.settings.Generation == E11:
		body = &deployE11{}
	case strings.HasPrefix(c.Path, "/v4/"):
		body = &deployV4{}
	}
	if refused := o.decode(c, body); refused != nil {
		return order{}, refused
	}
	asked, ok := body.order()
	if !ok {
		refused := envelope(http.StatusBadRequest, codeMalformed, "The request does not say what to run, where and how")
		return order{}, &refused
	}
	return asked, nil
}

func (o *ControlRoom) inputsFit(asked order, f File) bool {
	if o.settings.Generation == E11 {
		return botVariables(asked.input).fits(f.Inputs, o.settings.TypedVariables)
	}
	return botInput(asked.input).fits(f.Inputs)
}

// runnersFor judges where and under whom a bot is to run. An unknown device is
// answered 404 and everything else 412, unless a setting says otherwise; only the
// 404 is documented.
func (o *ControlRoom) runnersFor(asked order) *server.Answer {
	missing := func(status int, what string) *server.Answer {
		if o.settings.MissingRunner != 0 {
			status = o.settings.MissingRunner
		}
		refused := envelope(status, codeMalformed, what+" not found")
		return &refused
	}
	for _, id := range asked.devices {
		if !slices.ContainsFunc(o.devices, func(d Device) bool { return d.ID == id }) {
			return missing(http.StatusNotFound, "Device")
		}
	}
	for _, id := range asked.runAsUsers {
		i := slices.IndexFunc(o.runAsUsers, func(u RunAsUser) bool { return u.ID == id })
		if i < 0 {
			return missing(http.StatusPreconditionFailed, "Run as user")
		}
		if o.runAsUsers[i].Unlicensed {
			refused := envelope(http.StatusPreconditionFailed, codeMalformed, "The user has no licence to run a bot")
			return &refused
		}
	}
	for _, id := range asked.pools {
		if !slices.ContainsFunc(o.pools, func(p Pool) bool { return p.ID == id }) {
			return missing(http.StatusPreconditionFailed, "Device pool")
		}
	}
	return nil
}

// start stores a deployment and writes it down. The lock is held.
func (o *ControlRoom) start(c *server.Call, a Account, asked order, file File) *Deployment {
	d := &Deployment{
		Reference: asked.name, Name: asked.name, Path: c.Path, FileID: file.ID, File: file.Path, Devices: asked.devices,
		RunAsUsers: asked.runAsUsers, Pools: asked.pools, Runs: asked.runs, Inputs: asked.input, Body: c.Body,
		Account: strings.ToLower(a.Username), Status: "DEPLOYED", Created: o.Now().UTC().Truncate(time.Millisecond),
		number: o.nextID(), unseen: o.settings.BlindLists, appeared: time.Now(),
	}
	if asked.callback != nil {
		d.CallbackURL, d.CallbackHeaders = asked.callback.URL, asked.callback.Headers
	}
	d.ID = server.NewID()
	if o.settings.Generation == E11 {
		d.ID = strconv.FormatInt(d.number, 10)
		var value struct {
			String string `json:"string"`
		}
		_ = json.Unmarshal(asked.input[o.settings.ReferenceVariable], &value)
		d.Reference = value.String
	}
	if d.Name == "" {
		d.Name = file.Name()
	}
	if asked.name == "" || o.settings.NameSuffix {
		d.Name += d.Created.Format(".2006.01.02.15.04.05.") + d.Account
	}
	o.deployments = append(o.deployments, d)
	o.Effect(c, d.Reference, d.ID)
	return d
}

func (o *ControlRoom) started(d *Deployment) server.Answer {
	if o.settings.Generation == E11 {
		return server.JSON(o.made(), map[string]any{"automationId": d.ID})
	}
	return server.JSON(o.made(), map[string]any{"deploymentId": d.ID, "automationName": d.Name})
}

// SetDeploymentStatus changes the status of a deployment, as its run does. Any
// text is one. It reports whether there is such a deployment.
func (o *ControlRoom) SetDeploymentStatus(id, status string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.deployments, func(d *Deployment) bool { return d.ID == id })
	if i >= 0 {
		o.deployments[i].Status = status
	}
	return i >= 0
}

// Deployments are all of them, oldest first.
func (o *ControlRoom) Deployments() []Deployment {
	return o.deploymentsWith(func(*Deployment) bool { return true })
}

// DeploymentsByReference are those under a reference, letter by letter, oldest
// first.
func (o *ControlRoom) DeploymentsByReference(reference string) []Deployment {
	return o.deploymentsWith(func(d *Deployment) bool { return d.Reference == reference })
}

func (o *ControlRoom) deploymentsWith(match func(*Deployment) bool) []Deployment {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Deployment
	for _, d := range o.deployments {
		if match(d) {
			all = append(all, *d)
		}
	}
	return all
}
