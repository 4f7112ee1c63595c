package automationanywhere_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
)

// The ids of what withBots adds, in this order.
const (
	botID = iota + 1
	documentID
	deviceID
	userID
	otherUserID
	unlicensedID
	poolID
)

// withBots is a room with something to run, and something to run it on.
func withBots(t testing.TB, settings automationanywhere.Settings) *rig {
	t.Helper()
	r := start(t, settings)
	r.AddFile(automationanywhere.File{Path: bots + `Post`, Inputs: map[string]string{
		"Text": "STRING", "Count": "NUMBER", "Fast": "BOOLEAN", "When": "DATETIME", "All": "LIST", "Map": "DICTIONARY",
	}})
	r.AddFile(automationanywhere.File{Path: bots + `Book.xlsx`, Type: automationanywhere.Document})
	r.AddDevice(automationanywhere.Device{HostName: "HOST1"})
	r.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot1"})
	r.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot2"})
	r.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot3", Unlicensed: true})
	r.AddPool("Night")
	return r
}

const (
	deployV2 = "/v2/automations/deploy"
	deployV3 = "/v3/automations/deploy"
	deployV4 = "/v4/automations/deploy"
)

type deployTest struct {
	body   string
	status int
}

func deployTests(t *testing.T, settings automationanywhere.Settings, path string, tests map[string]deployTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withBots(t, settings)
			got := r.api(path, test.body)
			if got.status != test.status {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			if got.status != 200 && got.value("code") == "" {
				t.Errorf("no envelope: %s", got.text)
			}
			if made := len(r.Deployments()) == 1; made != (got.status == 200) {
				t.Errorf("deployments %v", r.Deployments())
			}
		})
	}
}

func TestDeployV2(t *testing.T) {
	t.Parallel()
	tests := map[string]deployTest{
		"good":                  {`{"fileId":"1","deviceIds":["3"]}`, 200},
		"all members":           {`{"fileId":"1","deviceIds":["3"],"runWithRdp":true,"botVariables":{"Text":{"string":"a"},"Count":{"string":"1"}},"callbackInfo":{"url":"https://example.com/x","headers":{"X-Key":"k"}}}`, 200},
		"a number as file":      {`{"fileId":1,"deviceIds":["3"]}`, 400},
		"number as device":      {`{"fileId":"1","deviceIds":[3]}`, 400},
		"a leading zero":        {`{"fileId":"01","deviceIds":["3"]}`, 400},
		"no device":             {`{"fileId":"1","deviceIds":[]}`, 400},
		"null as device":        {`{"fileId":"1","deviceIds":[null]}`, 400},
		"no file":               {`{"deviceIds":["3"]}`, 400},
		"unknown file":          {`{"fileId":"99","deviceIds":["3"]}`, 404},
		"no bot":                {`{"fileId":"2","deviceIds":["3"]}`, 400},
		"unknown device":        {`{"fileId":"1","deviceIds":["3","99"]}`, 404},
		"automationName":        {`{"fileId":"1","deviceIds":["3"],"automationName":"x"}`, 400},
		"runAsUserIds":          {`{"fileId":"1","runAsUserIds":["4"]}`, 400},
		"botInput":              {`{"fileId":"1","deviceIds":["3"],"botInput":{}}`, 400},
		"unknown variable":      {`{"fileId":"1","deviceIds":["3"],"botVariables":{"text":{"string":"a"}}}`, 400},
		"a typed variable":      {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Count":{"number":1}}}`, 400},
		"a bare variable":       {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Text":"a"}}`, 400},
		"number as string":      {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Text":{"string":1}}}`, 400},
		"two forms":             {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Text":{"string":"a","number":1}}}`, 400},
		"a callback to no host": {`{"fileId":"1","deviceIds":["3"],"callbackInfo":{"url":"https:///x"}}`, 400},
		"a callback path":       {`{"fileId":"1","deviceIds":["3"],"callbackInfo":{"url":"/x"}}`, 400},
	}
	deployTests(t, automationanywhere.Settings{Generation: automationanywhere.E11}, deployV2, tests)
	t.Run("typed variables", func(t *testing.T) {
		t.Parallel()
		deployTests(t, automationanywhere.Settings{Generation: automationanywhere.E11, TypedVariables: true}, deployV2, map[string]deployTest{
			"number":       {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Count":{"number":1},"Fast":{"boolean":true}}}`, 200},
			"another type": {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Count":{"boolean":true}}}`, 400},
			"wrong value":  {`{"fileId":"1","deviceIds":["3"],"botVariables":{"Count":{"number":"1"}}}`, 400},
		})
	})
}

func TestDeployV3(t *testing.T) {
	t.Parallel()
	input := func(input string) string { return `{"fileId":"1","runAsUserIds":["4"],"botInput":{` + input + `}}` }
	deployTests(t, automationanywhere.Settings{TrustedCallbacks: []string{"https://example.com/"}}, deployV3, map[string]deployTest{
		"texts":                {`{"fileId":"1","runAsUserIds":["4"],"poolIds":["7"]}`, 200},
		"numbers":              {`{"fileId":1,"runAsUserIds":[4],"poolIds":[]}`, 200},
		"all members":          {`{"fileId":1,"runAsUserIds":[4,5],"poolIds":[7],"overrideDefaultDevice":false,"numOfRunAsUsersToUse":1,"automationName":"a","botInput":{},"callbackInfo":{"url":"https://example.com/x"}}`, 200},
		"unknown file":         {`{"fileId":99,"runAsUserIds":[4]}`, 404},
		"no bot":               {`{"fileId":2,"runAsUserIds":[4]}`, 400},
		"no user":              {`{"fileId":1,"runAsUserIds":[],"poolIds":[7]}`, 400},
		"unknown user":         {`{"fileId":1,"runAsUserIds":[3]}`, 412},
		"unlicensed user":      {`{"fileId":1,"runAsUserIds":[4,6]}`, 412},
		"unknown pool":         {`{"fileId":1,"runAsUserIds":[4],"poolIds":[4]}`, 412},
		"a user's name":        {`{"fileId":1,"runAsUserIds":["robot1"]}`, 412},
		"a fraction":           {`{"fileId":1.5,"runAsUserIds":[4]}`, 400},
		"too many users":       {`{"fileId":1,"runAsUserIds":[4],"numOfRunAsUsersToUse":2}`, 400},
		"none of the users":    {`{"fileId":1,"runAsUserIds":[4],"numOfRunAsUsersToUse":0}`, 400},
		"deviceIds":            {`{"fileId":1,"runAsUserIds":[4],"deviceIds":["3"]}`, 400},
		"unattendedRequest":    {`{"fileId":1,"unattendedRequest":{"runAsUserIds":[4]}}`, 400},
		"an empty name":        {`{"fileId":1,"runAsUserIds":[4],"automationName":""}`, 400},
		"a long name":          {`{"fileId":1,"runAsUserIds":[4],"automationName":"` + strings.Repeat("x", 256) + `"}`, 400},
		"a callback elsewhere": {`{"fileId":1,"runAsUserIds":[4],"callbackInfo":{"url":"https://example.org/"}}`, 400},
		"callback, more":       {`{"fileId":1,"runAsUserIds":[4],"callbackInfo":{"url":"https://example.com/","method":"PUT"}}`, 400},
		"no JSON":              {`x`, 400},

		"inputs":            {input(`"Text":{"type":"STRING","string":"a"},"Count":{"type":"NUMBER","number":1.5},"Fast":{"type":"BOOLEAN","boolean":false}`), 200},
		"list":              {input(`"All":{"type":"LIST","list":[{"type":"STRING","string":"a"},{"type":"LIST","list":[]}]}`), 200},
		"dictionary":        {input(`"Map":{"type":"DICTIONARY","dictionary":[{"key":"k","value":{"type":"NUMBER","number":1}}]}`), 200},
		"date":              {input(`"When":{"type":"DATETIME","datetime":"2022-04-07T00:15:00-06:00"}`), 200},
		"date as a text":    {input(`"When":{"type":"DATETIME","string":"2022-04-07T00:15:00-06:00[America/New_York]"}`), 200},
		"no date":           {input(`"When":{"type":"DATETIME","string":"tomorrow"}`), 400},
		"unknown input":     {input(`"text":{"type":"STRING","string":"a"}`), 400},
		"another type":      {input(`"Text":{"type":"NUMBER","number":1}`), 400},
		"type in lower":     {input(`"Text":{"type":"string","string":"a"}`), 400},
		"unknown type":      {input(`"Text":{"type":"ANY","any":"a"}`), 400},
		"no type":           {input(`"Text":{"string":"a"}`), 400},
		"two values":        {input(`"Text":{"type":"STRING","string":"a","number":1}`), 400},
		"a bare value":      {input(`"Text":"a"`), 400},
		"text in a number":  {input(`"Count":{"type":"NUMBER","number":"1"}`), 400},
		"null as a text":    {input(`"Text":{"type":"STRING","string":null}`), 400},
		"bare entry":        {input(`"All":{"type":"LIST","list":["a"]}`), 400},
		"dictionary, flat":  {input(`"Map":{"type":"DICTIONARY","dictionary":{"k":"v"}}`), 400},
		"dictionary, entry": {input(`"Map":{"type":"DICTIONARY","dictionary":[{"key":"k","value":"v"}]}`), 400},
		"dictionary, more":  {input(`"Map":{"type":"DICTIONARY","dictionary":[{"key":"k","value":{"type":"STRING","string":"v"},"x":1}]}`), 400},
	})
}

func TestDeployV4(t *testing.T) {
	t.Parallel()
	deployTests(t, automationanywhere.Settings{}, deployV4, map[string]deployTest{
		"good":                {`{"botId":1,"unattendedRequest":{"runAsUserIds":[4]}}`, 200},
		"all members":         {`{"botId":1,"automationName":"a","description":"d","botLabel":"PRODUCTION","runElevated":false,"hideBotAgentUi":false,"automationPriority":"PRIORITY_LOW","botInput":{"Text":{"type":"STRING","string":"a"}},"callbackInfo":{"url":"https://example.com/"},"executionType":"RUN_NOW","unattendedRequest":{"runAsUserIds":[4,5],"poolIds":[7],"numOfRunAsUsersToUse":1,"deviceUsageType":"RUN_ON_POOL_DEVICES"}}`, 200},
		"attended":            {`{"botId":1,"attendedRequest":{"deploymentDeviceId":3,"queueDeployment":true,"launchInChildWindow":false}}`, 200},
		"attended, elsewhere": {`{"botId":1,"attendedRequest":{"deploymentDeviceId":9}}`, 404},
		"headless":            {`{"botId":1,"headlessRequest":{"numberOfExecutions":2,"queueOnSlotsExhaustion":false,"sharedRunAsUserId":4}}`, 200},
		"headless, no times":  {`{"botId":1,"headlessRequest":{"sharedRunAsUserId":4}}`, 400},
		"text as bot":         {`{"botId":"1","unattendedRequest":{"runAsUserIds":[4]}}`, 400},
		"fileId":              {`{"fileId":1,"unattendedRequest":{"runAsUserIds":[4]}}`, 400},
		"no request":          {`{"botId":1}`, 400},
		"two requests":        {`{"botId":1,"unattendedRequest":{"runAsUserIds":[4]},"attendedRequest":{"deploymentDeviceId":3}}`, 400},
		"users outside":       {`{"botId":1,"runAsUserIds":[4]}`, 400},
		"no users":            {`{"botId":1,"unattendedRequest":{"poolIds":[7]}}`, 400},
		"unknown user":        {`{"botId":1,"unattendedRequest":{"runAsUserIds":[1]}}`, 412},
		"unknown priority":    {`{"botId":1,"automationPriority":"HIGH","unattendedRequest":{"runAsUserIds":[4]}}`, 400},
		"unknown usage":       {`{"botId":1,"unattendedRequest":{"runAsUserIds":[4],"deviceUsageType":"ANY"}}`, 400},
		"pool without a pool": {`{"botId":1,"unattendedRequest":{"runAsUserIds":[4],"deviceUsageType":"RUN_ON_POOL_DEVICES"}}`, 400},
		"not now":             {`{"botId":1,"executionType":"SCHEDULED","unattendedRequest":{"runAsUserIds":[4]}}`, 400},
		"unknown file":        {`{"botId":99,"unattendedRequest":{"runAsUserIds":[4]}}`, 404},
		"one member more":     {`{"botId":1,"unattendedRequest":{"runAsUserIds":[4],"x":1}}`, 400},
	})
}

func TestMissingRunner(t *testing.T) {
	t.Parallel()
	deployTests(t, automationanywhere.Settings{MissingRunner: 404}, deployV3, map[string]deployTest{
		"user": {`{"fileId":1,"runAsUserIds":[3]}`, 404},
		"pool": {`{"fileId":1,"runAsUserIds":[4],"poolIds":[4]}`, 404},
	})
	deployTests(t, automationanywhere.Settings{MissingRunner: 412}, deployV4, map[string]deployTest{
		"device": {`{"botId":1,"attendedRequest":{"deploymentDeviceId":9}}`, 412},
	})
}

func TestBooksOfDeployments(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{})
	body := `{"fileId":1,"runAsUserIds":[4,5],"poolIds":[7],"automationName":"job-1","botInput":{"Text":{"type":"STRING","string":"a"}},"callbackInfo":{"url":"https://example.com/","headers":{"X-Key":"k"}}}`
	first := r.api(deployV3, body)
	r.api(deployV3, body)
	r.api(deployV4, `{"botId":1,"unattendedRequest":{"runAsUserIds":[4]}}`)
	made := r.DeploymentsByReference("job-1")
	if len(made) != 2 || first.value("deploymentId") != made[0].ID || first.value("automationName") != "job-1" {
		t.Fatalf("%s, deployments %+v", first.text, made)
	}
	want := automationanywhere.Deployment{
		ID: made[0].ID, Reference: "job-1", Name: "job-1", Path: deployV3, FileID: botID, File: bots + `Post`,
		RunAsUsers: []int64{userID, otherUserID}, Pools: []int64{poolID}, Runs: 2, CallbackURL: "https://example.com/",
		CallbackHeaders: map[string]string{"X-Key": "k"}, Body: []byte(body), Account: "queueferry", Status: "DEPLOYED",
	}
	ignore := cmpopts.IgnoreFields(automationanywhere.Deployment{}, "Inputs", "Created")
	if diff := cmp.Diff(want, made[0], ignore, cmpopts.IgnoreUnexported(automationanywhere.Deployment{})); diff != "" {
		t.Error(diff)
	}
	if string(made[0].Inputs["Text"]) != `{"type":"STRING","string":"a"}` {
		t.Errorf("inputs %v", made[0].Inputs)
	}
	all := r.Deployments()
	if len(all) != 3 || all[2].Reference != "" || !strings.HasPrefix(all[2].Name, "Post.2") || !strings.HasSuffix(all[2].Name, ".queueferry") {
		t.Errorf("deployments %+v", all)
	}
	if !r.SetDeploymentStatus(all[2].ID, "COMPLETED") || r.Deployments()[2].Status != "COMPLETED" || r.SetDeploymentStatus("x", "y") {
		t.Error("the status")
	}
}

func TestReferencesOnE11(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{Generation: automationanywhere.E11, ReferenceVariable: "Text", Created: true})
	got := r.api(deployV2, `{"fileId":"1","deviceIds":["`+strconv.Itoa(deviceID)+`"],"botVariables":{"Text":{"string":"job-1"}}}`)
	made := r.DeploymentsByReference("job-1")
	if got.status != 201 || len(made) != 1 || got.value("automationId") != made[0].ID || got.body["automationName"] != nil {
		t.Errorf("got %d %s, deployments %+v", got.status, got.text, made)
	}
	if rows := r.api("/v2/activity/list", `{"filter":{"operator":"eq","field":"automationId","value":"`+made[0].ID+`"}}`).rows(); len(rows) != 1 ||
		rows[0]["automationId"] != made[0].ID || rows[0]["deploymentId"] != nil || rows[0]["deviceId"] != strconv.Itoa(deviceID) {
		t.Errorf("activities %v", rows)
	}
}
