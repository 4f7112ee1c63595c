package uipath

import (
	"math"

	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// startFields are the fields of StartProcessDto that are set as options, with
// the limits of the v20 definition.
var startFields = values.Table{
	"Strategy":                {Kind: values.Choice, Choices: []string{allRobots, specific, robotCount, jobsCount, modernJobsCount}},
	"JobsCount":               {Kind: values.Number, Least: 0},
	"NoOfRobots":              {Kind: values.Number, Least: 0},
	"RobotIds":                {Kind: values.Big, Many: true},
	"MachineSessionIds":       {Kind: values.Big, Many: true},
	"SpecificPriorityValue":   {Kind: values.Number, Least: 1, Most: 100},
	"RuntimeType":             {Kind: values.Text, Limit: 64},
	"InputFile":               {Kind: values.Key},
	"EnvironmentVariables":    {Kind: values.Text, Limit: 4000},
	"TargetFramework":         {Kind: values.Choice, Choices: []string{"Legacy", "Windows", "Portable"}},
	"ResumeOnSameContext":     {Kind: values.Flag},
	"BatchExecutionKey":       {Kind: values.Key},
	"RequiresUserInteraction": {Kind: values.Flag},
	"StopProcessExpression":   {Kind: values.Text},
	"StopStrategy":            {Kind: values.Choice, Choices: []string{"SoftStop", "Kill"}},
	"KillProcessExpression":   {Kind: values.Text},
	"RemoteControlAccess":     {Kind: values.Choice, Choices: []string{"None", "ReadOnly", "Full"}},
	"AlertPendingExpression":  {Kind: values.Text},
	"AlertRunningExpression":  {Kind: values.Text},
	"RunAsMe":                 {Kind: values.Flag},
	"ParentOperationId":       {Kind: values.Text, Limit: maxText},
	"ProfilingOptions":        {Kind: values.Text, Limit: 4000},
	"FpsContext":              {Kind: values.Text, Limit: 2048},
	"FpsProperties":           {Kind: values.Text, Limit: 4000},
	"TraceId":                 {Kind: values.Text, Limit: 255},
	"ParentSpanId":            {Kind: values.Text, Limit: 255},
	"RootSpanId":              {Kind: values.Text, Limit: 255},
	"EntryPointPath":          {Kind: values.Text},
	"AutopilotForRobots":      {Kind: values.Object, Members: values.Table{"Enabled": {Kind: values.Flag}, "HealingEnabled": {Kind: values.Flag}}},
	"MachineRobots": {Kind: values.Object, Many: true, Members: values.Table{
		"MachineId": {Kind: values.Big}, "MachineName": {Kind: values.Text}, "RobotId": {Kind: values.Big}, "RobotUserName": {Kind: values.Text},
	}},
	"MachineInfraTarget": {Kind: values.Object, Members: values.Table{
		"MachineTemplateName": {Kind: values.Text}, "HostMachineName": {Kind: values.Text}, "ServiceUserName": {Kind: values.Text},
	}},
	"VideoRecordingSettings": {Kind: values.Object, Members: values.Table{
		"VideoRecordingType": {Kind: values.Text, Limit: 64}, "QueueItemVideoRecordingType": {Kind: values.Text, Limit: 64},
		"MaxDurationSeconds": {Kind: values.Number, Least: math.MinInt32},
	}},
	"Attachments": {Kind: values.Object, Many: true, Must: "attachmentId", Members: values.Table{
		"attachmentId": {Kind: values.Key}, "jobKey": {Kind: values.Key}, "id": {Kind: values.Key},
		"category": {Kind: values.Text, Limit: 128}, "attachmentName": {Kind: values.Text, Limit: 256},
		"creationTime": {Kind: values.Time}, "lastModificationTime": {Kind: values.Time},
		"creatorUserId": {Kind: values.Big}, "lastModifierUserId": {Kind: values.Big},
	}},
}
