package automationanywhere

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// order is a deployment as it was asked for, in the words of any version.
type order struct {
	file       int64
	devices    []int64
	runAsUsers []int64
	pools      []int64
	runs       int // how many activities come of it
	name       string
	input      map[string]jsontext.Value
	callback   *callbackInfo
}

type callbackInfo struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

// digits is an id that stands in quotes.
type digits string

// number gives an id; 0 is none.
func (d digits) number() int64 {
	n, err := strconv.ParseInt(string(d), 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != string(d) {
		return 0
	}
	return n
}

// eitherID is an id as a number or in quotes: the documents of one and the same
// call show both.
type eitherID int64

func (e *eitherID) UnmarshalJSON(text []byte) error {
	*e = 0
	if jsontext.Value(text).Kind() != '"' {
		return json.Unmarshal(text, (*int64)(e))
	}
	var quoted digits
	err := json.Unmarshal(text, &quoted)
	*e = eitherID(quoted.number())
	return err
}

// deployE11 is the body of v2 (Enterprise 11, Bot deploy).
type deployE11 struct {
	FileID       digits        `json:"fileId"`
	DeviceIDs    []digits      `json:"deviceIds"`
	RunWithRDP   bool          `json:"runWithRdp"`
	BotVariables botVariables  `json:"botVariables"`
	CallbackInfo *callbackInfo `json:"callbackInfo"`
}

func (d *deployE11) order() (order, bool) {
	all := order{file: d.FileID.number(), runs: len(d.DeviceIDs), input: d.BotVariables, callback: d.CallbackInfo}
	for _, id := range d.DeviceIDs {
		all.devices = append(all.devices, id.number())
	}
	return all, all.file > 0 && len(all.devices) > 0 && !slices.Contains(all.devices, 0)
}

// deployV3 is the body of v3 (Automation 360, Bot deploy).
type deployV3 struct {
	FileID                eitherID      `json:"fileId"`
	RunAsUserIDs          []eitherID    `json:"runAsUserIds"`
	PoolIDs               []eitherID    `json:"poolIds"`
	OverrideDefaultDevice bool          `json:"overrideDefaultDevice"`
	NumOfRunAsUsersToUse  *int          `json:"numOfRunAsUsersToUse"`
	AutomationName        *string       `json:"automationName"`
	BotInput              botInput      `json:"botInput"`
	CallbackInfo          *callbackInfo `json:"callbackInfo"`
}

func (d *deployV3) order() (order, bool) {
	all := order{file: int64(d.FileID), input: d.BotInput, callback: d.CallbackInfo}
	ok := all.take(d.RunAsUserIDs, d.PoolIDs, d.NumOfRunAsUsersToUse) && all.call(d.AutomationName)
	return all, ok && all.file > 0
}

// deployV4 is the body of v4 (Automation 360, Bot deploy v4).
type deployV4 struct {
	BotID              int64           `json:"botId"`
	AutomationName     *string         `json:"automationName"`
	Description        string          `json:"description"`
	BotLabel           string          `json:"botLabel"`
	RunElevated        bool            `json:"runElevated"`
	HideBotAgentUI     bool            `json:"hideBotAgentUi"`
	AutomationPriority *string         `json:"automationPriority"`
	BotInput           botInput        `json:"botInput"`
	CallbackInfo       *callbackInfo   `json:"callbackInfo"`
	ExecutionType      *string         `json:"executionType"`
	UnattendedRequest  *unattended     `json:"unattendedRequest"`
	AttendedRequest    *attended       `json:"attendedRequest"`
	HeadlessRequest    *headlessParams `json:"headlessRequest"`
}

type unattended struct {
	RunAsUserIDs         []eitherID `json:"runAsUserIds"`
	PoolIDs              []eitherID `json:"poolIds"`
	NumOfRunAsUsersToUse *int       `json:"numOfRunAsUsersToUse"`
	DeviceUsageType      *string    `json:"deviceUsageType"`
}

type attended struct {
	DeploymentDeviceID  eitherID `json:"deploymentDeviceId"`
	QueueDeployment     bool     `json:"queueDeployment"`
	LaunchInChildWindow bool     `json:"launchInChildWindow"`
}

type headlessParams struct {
	NumberOfExecutions     int      `json:"numberOfExecutions"`
	QueueOnSlotsExhaustion bool     `json:"queueOnSlotsExhaustion"`
	SharedRunAsUserID      eitherID `json:"sharedRunAsUserId"`
}

func (d *deployV4) order() (order, bool) {
	all := order{file: d.BotID, input: d.BotInput, callback: d.CallbackInfo}
	ok := all.file > 0 && all.call(d.AutomationName) &&
		oneOf(d.AutomationPriority, "PRIORITY_LOW", "PRIORITY_MEDIUM", "PRIORITY_HIGH") && oneOf(d.ExecutionType, "RUN_NOW")
	switch u, a, h := d.UnattendedRequest, d.AttendedRequest, d.HeadlessRequest; {
	case u != nil && a == nil && h == nil:
		ok = ok && oneOf(u.DeviceUsageType, "PREFER_DEFAULT_DEVICE", "RUN_ONLY_ON_DEFAULT_DEVICE", poolDevices) &&
			(u.DeviceUsageType == nil || *u.DeviceUsageType != poolDevices || len(u.PoolIDs) > 0) &&
			all.take(u.RunAsUserIDs, u.PoolIDs, u.NumOfRunAsUsersToUse)
	case a != nil && u == nil && h == nil:
		all.devices, all.runs = []int64{int64(a.DeploymentDeviceID)}, 1
	case h != nil && u == nil && a == nil:
		all.runAsUsers, all.runs = []int64{int64(h.SharedRunAsUserID)}, h.NumberOfExecutions
		ok = ok && h.NumberOfExecutions > 0 && h.NumberOfExecutions <= maxExecutions
	default:
		ok = false
	}
	return all, ok
}

const (
	poolDevices = "RUN_ON_POOL_DEVICES"
	// maxExecutions is the most runs of a headless request. None is documented.
	maxExecutions = 100
)

func oneOf(value *string, names ...string) bool {
	return value == nil || slices.Contains(names, *value)
}

// take says under whom the bot runs. Whether a pool alone is enough is not
// documented: it is not. Without a number of users to use, all of them are used.
func (d *order) take(users, pools []eitherID, use *int) bool {
	for _, id := range users {
		d.runAsUsers = append(d.runAsUsers, int64(id))
	}
	for _, id := range pools {
		d.pools = append(d.pools, int64(id))
	}
	d.runs = len(users)
	if use != nil {
		d.runs = *use
	}
	return len(users) > 0 && d.runs > 0 && d.runs <= len(users)
}

// maxName is the longest automationName. None is documented.
const maxName = 255

// call gives the deployment its name. An empty one is refused: what it means is
// not documented.
func (d *order) call(name *string) bool {
	if name == nil {
		return true
	}
	d.name = *name
	return d.name != "" && len(d.name) <= maxName
}

// trusted reports whether the server would call back there.
func (c *callbackInfo) trusted(prefixes []string) bool {
	if c == nil {
		return true
	}
	target, err := url.Parse(c.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return false
	}
	return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(c.URL, prefix) })
}
