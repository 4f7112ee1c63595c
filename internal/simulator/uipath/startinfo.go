package uipath

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

type startJobsBody struct {
	StartInfo *startInfo `json:"startInfo"`
}

// startInfo is StartProcessDto. A member that is null counts as not there.
type startInfo struct {
	ReleaseKey              string
	ReleaseName             string
	Strategy                strategy
	RobotIDs                []int64 `json:"RobotIds"`
	MachineSessionIDs       []int64 `json:"MachineSessionIds"`
	NoOfRobots              int32
	JobsCount               int32
	Source                  *jobSource
	JobPriority             jobPriority
	SpecificPriorityValue   *int32
	RuntimeType             runtimeType
	InputArguments          string
	InputFile               guid
	EnvironmentVariables    string
	Reference               string
	MachineRobots           []machineRobot
	Attachments             []attachment
	TargetFramework         targetFramework
	ResumeOnSameContext     bool
	BatchExecutionKey       guid
	RequiresUserInteraction bool
	StopProcessExpression   string
	StopStrategy            stopStrategy
	KillProcessExpression   string
	RemoteControlAccess     remoteControl
	AlertPendingExpression  string
	AlertRunningExpression  string
	RunAsMe                 bool
	ParentOperationID       string `json:"ParentOperationId"`
	AutopilotForRobots      *struct{ Enabled, HealingEnabled bool }
	ProfilingOptions        string
	FpsContext              string
	FpsProperties           string
	TraceID                 string `json:"TraceId"`
	ParentSpanID            string `json:"ParentSpanId"`
	RootSpanID              string `json:"RootSpanId"`
	EntryPointPath          string
	VideoRecordingSettings  *struct {
		VideoRecordingType, QueueItemVideoRecordingType videoRecording
		MaxDurationSeconds                              *int32
	}
	MachineInfraTarget *struct{ MachineTemplateName, HostMachineName, ServiceUserName string }
}

type machineRobot struct {
	MachineID     *int64 `json:"MachineId"`
	MachineName   string
	RobotID       *int64 `json:"RobotId"`
	RobotUserName string
}

type attachment struct {
	AttachmentID         guid   `json:"attachmentId"`
	JobKey               guid   `json:"jobKey"`
	Category             string `json:"category"`
	AttachmentName       string `json:"attachmentName"`
	LastModificationTime stamp  `json:"lastModificationTime"`
	LastModifierUserID   *int64 `json:"lastModifierUserId"`
	CreationTime         stamp  `json:"creationTime"`
	CreatorUserID        *int64 `json:"creatorUserId"`
	ID                   guid   `json:"id"`
}

type (
	strategy        string
	jobSource       string
	jobPriority     string
	runtimeType     string
	targetFramework string
	stopStrategy    string
	remoteControl   string
	videoRecording  string
	guid            string
)

func (v *strategy) UnmarshalText(b []byte) error        { return choose(v, b, strategies) }
func (v *jobSource) UnmarshalText(b []byte) error       { return choose(v, b, jobSources) }
func (v *jobPriority) UnmarshalText(b []byte) error     { return choose(v, b, priorities) }
func (v *runtimeType) UnmarshalText(b []byte) error     { return choose(v, b, runtimeTypes) }
func (v *targetFramework) UnmarshalText(b []byte) error { return choose(v, b, targetFrameworks) }
func (v *stopStrategy) UnmarshalText(b []byte) error    { return choose(v, b, stopStrategies) }
func (v *remoteControl) UnmarshalText(b []byte) error   { return choose(v, b, remoteControls) }
func (v *videoRecording) UnmarshalText(b []byte) error  { return choose(v, b, videoRecordings) }

func (v *guid) UnmarshalText(b []byte) error {
	if !isKey(string(b)) {
		return errType
	}
	*v = guid(b)
	return nil
}

var (
	strategies = []string{"All", "Specific", "RobotCount", "JobsCount", "ModernJobsCount"}
	jobSources = []string{
		"Manual", "Schedule", "Queue", "StudioWeb", "IntegrationTrigger", "StudioDesktop", "AutomationOpsPipelines",
		"Apps", "SAP", "HttpTrigger", "HttpTriggerWithCallback", "RobotAPI", "Assistant", "CommandLine", "RobotNetAPI",
		"Autopilot", "TestManager", "AgentService", "ProcessOrchestration", "PluginEcosystem", "PerformanceTesting",
		"AgentHub", "ApiWorkflow",
	}
	runtimeTypes = []string{
		"NonProduction", "Attended", "Unattended", "Development", "Studio", "RpaDeveloper", "StudioX",
		"CitizenDeveloper", "Headless", "StudioPro", "RpaDeveloperPro", "TestAutomation", "AutomationCloud",
		"Serverless", "AutomationKit", "ServerlessTestAutomation", "AutomationCloudTestAutomation",
		"AttendedStudioWeb", "Hosting", "AssistantWeb", "ProcessOrchestration", "AgentService", "AppTest",
		"PerformanceTest",
	}
	targetFrameworks = []string{"Legacy", "Windows", "Portable"}
	stopStrategies   = []string{"SoftStop", "Kill"}
	remoteControls   = []string{"None", "ReadOnly", "Full"}
	videoRecordings  = []string{"None", "Failed", "All"}
)

// check judges what can be judged without the folder.
func (i *startInfo) check() *refusal {
	if refused := i.checkLengths(); refused != nil {
		return refused
	}
	if refused := i.checkCounts(); refused != nil {
		return refused
	}
	switch {
	case i.ReleaseKey == "" && i.ReleaseName == "":
		return &refusal{status: http.StatusBadRequest, code: codeParameterMissing, message: "Either ReleaseKey or ReleaseName is required."}
	case i.ReleaseKey != "" && !isKey(i.ReleaseKey):
		return invalidArgument("The ReleaseKey is not a valid key.")
	case i.SpecificPriorityValue != nil && (*i.SpecificPriorityValue < 1 || *i.SpecificPriorityValue > 100):
		return invalidArgument("The field SpecificPriorityValue must be between 1 and 100.")
	case i.SpecificPriorityValue != nil && i.JobPriority != "":
		return invalidArgument("Cannot set a specific priority value when a standard job priority setting is selected.")
	case i.InputArguments != "" && i.InputFile != "":
		return invalidArgument("InputArguments and InputFile cannot be set together.")
	case i.InputArguments != "" && !isObject(i.InputArguments):
		return invalidArgument("The InputArguments are not a valid JSON object.")
	case slices.ContainsFunc(i.Attachments, func(a attachment) bool { return a.AttachmentID == "" }):
		return invalidArgument("The field attachmentId is required.")
	}
	return nil
}

func (i *startInfo) checkLengths() *refusal {
	limits := []struct {
		field, text string
		limit       int
	}{
		{"InputArguments", i.InputArguments, 10_000},
		{"EnvironmentVariables", i.EnvironmentVariables, 4000},
		{"Reference", i.Reference, maxReference},
		{"ParentOperationId", i.ParentOperationID, 128},
		{"ProfilingOptions", i.ProfilingOptions, 4000},
		{"FpsContext", i.FpsContext, 2048},
		{"FpsProperties", i.FpsProperties, 4000},
		{"TraceId", i.TraceID, 255},
		{"ParentSpanId", i.ParentSpanID, 255},
		{"RootSpanId", i.RootSpanID, 255},
	}
	for _, l := range limits {
		if longer(l.text, l.limit) {
			return tooLong(l.field, l.limit)
		}
	}
	return nil
}

// checkCounts holds each of the counts against the strategy.
func (i *startInfo) checkCounts() *refusal {
	counted := i.Strategy == "JobsCount" || i.Strategy == "ModernJobsCount"
	switch {
	case counted && i.JobsCount <= 0:
		return invalidArgument("JobsCount must be greater than 0 for the strategy " + string(i.Strategy) + ".")
	case i.Strategy != "" && !counted && i.JobsCount != 0, i.JobsCount < 0:
		return invalidArgument("JobsCount is not allowed for the strategy " + string(i.Strategy) + ".")
	case i.Strategy == "RobotCount" && i.NoOfRobots <= 0:
		return invalidArgument("NoOfRobots must be greater than 0 for the strategy RobotCount.")
	case i.Strategy != "RobotCount" && i.NoOfRobots != 0:
		return invalidArgument("NoOfRobots is allowed for the strategy RobotCount only.")
	case i.Strategy == "Specific" && len(i.RobotIDs) == 0:
		return invalidArgument("RobotIds must not be empty for the strategy Specific.")
	case i.Strategy != "Specific" && len(i.RobotIDs) > 0:
		return invalidArgument("RobotIds must be empty unless the strategy is Specific.")
	case i.JobsCount > 10_000 || i.NoOfRobots > 10_000:
		return invalidArgument("At most " + strconv.Itoa(10_000) + " jobs can be started at once.")
	}
	return nil
}

func isObject(text string) bool {
	value := jsontext.Value(text)
	return value.IsValid() && value.Kind() == '{'
}
