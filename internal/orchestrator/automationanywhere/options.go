package automationanywhere

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// callback is the option by which the Control Room calls an address at the end of
// a bot.
const callback = "callbackInfo"

// FixedOptions are the options that no message may set: an address is the
// operator's to choose.
var FixedOptions = []string{callback}

// Where a bot shall run, by the API's names.
const (
	deviceIDs    = "deviceIds"
	runAsUserIDs = "runAsUserIds"
	poolIDs      = "poolIds"
	unattended   = "unattendedRequest"
)

var callbackField = values.Field{Kind: values.Object, Must: "url", Members: values.Table{
	"url": {Kind: values.Text, Limit: 2000}, "headers": {Kind: values.Texts},
}}

// The fields of a deployment that are set as options: on Enterprise 11, on
// Automation 360, and there with unattendedRequest (Control Room APIs, Bot deploy).
var (
	e11Fields = values.Table{
		deviceIDs:    {Kind: values.TextID, Many: true},
		"runWithRdp": {Kind: values.Flag},
		callback:     callbackField,
	}
	v3Fields = values.Table{
		runAsUserIDs:            {Kind: values.TextID, Many: true},
		poolIDs:                 {Kind: values.TextID, Many: true},
		"overrideDefaultDevice": {Kind: values.Flag},
		"numOfRunAsUsersToUse":  {Kind: values.Number, Least: 1},
		callback:                callbackField,
	}
	v4Fields = values.Table{
		unattended: {Kind: values.Object, Members: values.Table{
			runAsUserIDs:           {Kind: values.NumberID, Many: true},
			poolIDs:                {Kind: values.NumberID, Many: true},
			"numOfRunAsUsersToUse": {Kind: values.Number, Least: 1},
			"deviceUsageType": {Kind: values.Choice, Choices: []string{
				"PREFER_DEFAULT_DEVICE", "RUN_ONLY_ON_DEFAULT_DEVICE", "RUN_ON_POOL_DEVICES",
			}},
		}},
		"description":    {Kind: values.Text, Limit: 1000},
		"botLabel":       {Kind: values.Text, Limit: 100},
		"runElevated":    {Kind: values.Flag},
		"hideBotAgentUi": {Kind: values.Flag},
		callback:         callbackField,
	}
)

// elsewhere are the fields that a request sets by a name of ours.
var elsewhere = map[string]string{
	"fileId": "set process instead", "botId": "set process instead", "automationName": "set reference instead",
	"automationPriority": "set priority instead", "botInput": "set arguments instead", "botVariables": "set arguments instead",
	"executionType": "it is always RUN_NOW; leave it out",
}

// Options are the names of all options that a bot of the generation may have, in
// order.
func Options(generation string) []string {
	if apiOf(generation).e11 {
		return slices.Sorted(maps.Keys(e11Fields))
	}
	all := maps.Clone(v3Fields)
	maps.Copy(all, v4Fields)
	return slices.Sorted(maps.Keys(all))
}

// isUnattended reports whether the options are those of the newer deployment.
func (a api) isUnattended(options job.Fields) bool {
	value, set := options[unattended]
	return set && !a.e11 && !values.Null(value)
}

func (a api) fields(options job.Fields) values.Table {
	switch {
	case a.e11:
		return e11Fields
	case a.isUnattended(options):
		return v4Fields
	}
	return v3Fields
}

// readOptions takes the options of a deployment as they shall be sent; null is one
// that is not set. field and wrong say what is not right.
func (a api) readOptions(options job.Fields) (written job.Fields, field, wrong string) {
	written = job.Fields{}
	table := a.fields(options)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if hint := elsewhere[name]; hint != "" {
			return nil, "options." + name, hint
		}
		if _, top := table[name]; !top && a.isUnattended(options) && v3Fields[name].Many {
			return nil, "options." + name, "belongs into unattendedRequest where that is set"
		}
		value, wrong := table.Read(name, options[name])
		if wrong != "" {
			return nil, "options." + values.Clip(name), wrong
		}
		if value != nil {
			written[name] = value
		}
	}
	names := func(list string) bool { return len(written[list]) > len("[]") }
	switch {
	case a.e11 && !names(deviceIDs):
		return nil, "options." + deviceIDs, "missing; name the devices that the bot shall run on"
	case !a.e11 && !a.isUnattended(options) && !names(runAsUserIDs) && !names(poolIDs):
		return nil, "options." + runAsUserIDs, "missing; name the users that the bot shall run as, or set unattendedRequest"
	}
	return written, "", ""
}

// Complete adds to the options of a route what it leaves to the message and each
// message has to say, so that they can be checked without one. allowed are the
// options that a message may set; "*" is any.
func Complete(generation string, options job.Fields, allowed []string) job.Fields {
	may := func(name string) bool { return slices.Contains(allowed, name) || slices.Contains(allowed, "*") }
	if options == nil {
		options = job.Fields{}
	}
	a := apiOf(generation)
	switch {
	case options[deviceIDs] != nil || options[runAsUserIDs] != nil || options[poolIDs] != nil || options[unattended] != nil:
	case a.e11 && may(deviceIDs):
		options[deviceIDs] = json.RawMessage(`["1"]`)
	case a.e11:
	case may(runAsUserIDs), may(poolIDs):
		options[runAsUserIDs] = json.RawMessage(`["1"]`)
	case may(unattended):
		options[unattended] = json.RawMessage(`{}`)
	}
	return options
}

var priorities = map[job.Priority]string{job.Low: "PRIORITY_LOW", job.Normal: "PRIORITY_MEDIUM", job.High: "PRIORITY_HIGH"}
