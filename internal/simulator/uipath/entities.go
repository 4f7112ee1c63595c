package uipath

import (
	"encoding/json"
	"strings"
	"time"
)

// Item is a queue item as the books show it.
type Item struct {
	ID        int64
	Key       string // shared by all retries
	UniqueKey string // of this attempt
	FolderID  int64
	Folder    string
	QueueID   int64
	Queue     string

	Reference   string // without leading space
	Priority    string // High, Normal or Low
	Status      string // New, InProgress, Failed, Successful, Abandoned, Retried or Deleted
	Content     []byte // the fields as a JSON object, as the server keeps them; must not be changed
	Created     time.Time
	DeferDate   time.Time
	DueDate     time.Time
	RiskSLADate time.Time

	Progress          string
	Source            string
	ParentOperationID string
	RetryNumber       int
	AncestorID        int64
}

// Fields are the item's content, with numbers as float64. It is nil where the
// item has none.
func (i *Item) Fields() map[string]any {
	var fields map[string]any
	if json.Unmarshal(i.Content, &fields) != nil {
		return nil
	}
	return fields
}

// Job is a started job as the books show it.
type Job struct {
	ID               int64
	Key              string
	FolderID         int64
	Folder           string
	Process          string // the release's name
	ProcessKey       string // the release's key
	State            string // Pending, Running, …, Successful, Stopped
	Priority         string
	SpecificPriority int // 0: none
	Source           string
	Reference        string
	InputArguments   string // JSON, as it was sent
	RuntimeType      string
	BatchKey         string // shared by the jobs of one start
	Created          time.Time

	unreferenced bool // no list shows its Reference
}

// Queue is a queue of a folder. AddQueue fills in the first five fields.
type Queue struct {
	ID       int64
	Key      string
	Name     string
	FolderID int64
	Folder   string

	// UniqueReference is EnforceUniqueReference.
	UniqueReference bool
	// BrokenIndex accepts duplicates although UniqueReference says otherwise, as
	// an installation with a disabled index does.
	BrokenIndex bool
	// Required are fields that the queue's JSON schema demands.
	Required []string
	// MaxRetries is how often the product repeats a failed item. It is shown only.
	MaxRetries int

	created time.Time
}

// Process is a release: a process that jobs can be started of.
type Process struct {
	ID       int64
	Key      string // the ReleaseKey
	Name     string
	FolderID int64
	Folder   string

	created time.Time
}

var itemStatuses = []string{"New", "InProgress", "Failed", "Successful", "Abandoned", "Retried", "Deleted"}

// itemSet is QueueItemDto.
var itemSet = newEntitySet(
	property[Item]{name: "QueueDefinitionId", kind: intKind, get: number(func(i *Item) int64 { return i.QueueID })},
	property[Item]{name: "OutputData", kind: textKind, get: always[Item](nil)},
	property[Item]{name: "AnalyticsData", kind: textKind, get: always[Item](nil)},
	property[Item]{name: "Status", kind: enumKind, names: itemStatuses, get: text(func(i *Item) string { return i.Status })},
	property[Item]{name: "ReviewStatus", kind: enumKind, names: []string{"None", "InReview", "Verified", "Retried"}, get: always[Item]("None")},
	property[Item]{name: "ReviewerUserId", kind: intKind, get: always[Item](nil)},
	property[Item]{name: "Key", kind: guidKind, get: text(func(i *Item) string { return i.Key })},
	property[Item]{name: "UniqueKey", kind: guidKind, get: text(func(i *Item) string { return i.UniqueKey })},
	property[Item]{name: "Reference", kind: textKind, get: text(func(i *Item) string { return i.Reference })},
	property[Item]{name: "ProcessingExceptionType", kind: enumKind, names: []string{"ApplicationException", "BusinessException"}, get: always[Item](nil)},
	property[Item]{name: "DueDate", kind: dateKind, get: date(func(i *Item) time.Time { return i.DueDate })},
	property[Item]{name: "RiskSlaDate", kind: dateKind, get: date(func(i *Item) time.Time { return i.RiskSLADate })},
	property[Item]{name: "Priority", kind: enumKind, names: priorities, get: text(func(i *Item) string { return i.Priority })},
	// Some builds refuse to order by DeferDate.
	property[Item]{name: "DeferDate", kind: dateKind, fixed: true, get: date(func(i *Item) time.Time { return i.DeferDate })},
	property[Item]{name: "StartProcessing", kind: dateKind, get: always[Item](nil)},
	property[Item]{name: "EndProcessing", kind: dateKind, get: always[Item](nil)},
	property[Item]{name: "SecondsInPreviousAttempts", kind: intKind, get: always[Item](int64(0))},
	property[Item]{name: "AncestorId", kind: intKind, get: optional(func(i *Item) int64 { return i.AncestorID })},
	property[Item]{name: "RetryNumber", kind: intKind, get: number(func(i *Item) int64 { return int64(i.RetryNumber) })},
	property[Item]{name: "SpecificData", kind: textKind, get: text((*Item).specificData)},
	property[Item]{name: "CreationTime", kind: dateKind, get: date(func(i *Item) time.Time { return i.Created })},
	property[Item]{name: "Progress", kind: textKind, get: text(func(i *Item) string { return i.Progress })},
	property[Item]{name: "ParentOperationId", kind: textKind, get: text(func(i *Item) string { return i.ParentOperationID })},
	property[Item]{name: "OrganizationUnitId", kind: intKind, get: number(func(i *Item) int64 { return i.FolderID })},
	property[Item]{name: "OrganizationUnitFullyQualifiedName", kind: textKind, get: text(func(i *Item) string { return i.Folder })},
	property[Item]{name: "Id", kind: intKind, get: number(func(i *Item) int64 { return i.ID })},
	property[Item]{name: "ProcessingException", kind: opaqueKind, get: always[Item](nil)},
	property[Item]{name: "SpecificContent", kind: opaqueKind, get: object(func(i *Item) []byte { return i.Content })},
	property[Item]{name: "Output", kind: opaqueKind, get: always[Item](nil)},
	property[Item]{name: "Analytics", kind: opaqueKind, get: always[Item](nil)},
)

// specificData is the content once more, as text.
func (i *Item) specificData() string {
	if i.Content == nil {
		return ""
	}
	return `{"DynamicProperties":` + string(i.Content) + `}`
}

var jobStates = []string{
	"Pending", "Running", "Stopping", "Terminating", "Faulted", "Successful", "Stopped", "Suspended", "Resumed",
}

// jobSet is JobDto.
var jobSet = newEntitySet(
	property[Job]{name: "Key", kind: guidKind, get: text(func(j *Job) string { return j.Key })},
	property[Job]{name: "StartTime", kind: dateKind, get: always[Job](nil)},
	property[Job]{name: "EndTime", kind: dateKind, get: always[Job](nil)},
	property[Job]{name: "State", kind: enumKind, names: jobStates, get: text(func(j *Job) string { return j.State })},
	property[Job]{name: "JobPriority", kind: enumKind, names: priorities, get: text(func(j *Job) string { return j.Priority })},
	property[Job]{name: "SpecificPriorityValue", kind: intKind, get: optional(func(j *Job) int64 { return int64(j.SpecificPriority) })},
	property[Job]{name: "Source", kind: textKind, get: text(func(j *Job) string { return j.Source })},
	property[Job]{name: "SourceType", kind: enumKind, names: jobSources, get: text(func(j *Job) string { return j.Source })},
	property[Job]{name: "BatchExecutionKey", kind: guidKind, get: text(func(j *Job) string { return j.BatchKey })},
	property[Job]{name: "Info", kind: textKind, get: always[Job](nil)},
	property[Job]{name: "CreationTime", kind: dateKind, get: date(func(j *Job) time.Time { return j.Created })},
	property[Job]{name: "ReleaseName", kind: textKind, get: text(func(j *Job) string { return j.Process })},
	property[Job]{name: "Type", kind: enumKind, names: []string{"Unattended", "Attended", "ServerlessGeneric"}, get: always[Job]("Unattended")},
	property[Job]{name: "InputArguments", kind: textKind, get: text(func(j *Job) string { return j.InputArguments })},
	property[Job]{name: "OutputArguments", kind: textKind, get: always[Job](nil)},
	property[Job]{name: "HostMachineName", kind: textKind, get: always[Job](nil)},
	property[Job]{name: "RuntimeType", kind: enumKind, names: runtimeTypes, get: text(func(j *Job) string { return j.RuntimeType })},
	property[Job]{name: "OrganizationUnitId", kind: intKind, get: number(func(j *Job) int64 { return j.FolderID })},
	property[Job]{name: "OrganizationUnitFullyQualifiedName", kind: textKind, get: text(func(j *Job) string { return j.Folder })},
	property[Job]{name: "Reference", kind: textKind, get: text((*Job).reference)},
	property[Job]{name: "Id", kind: intKind, get: number(func(j *Job) int64 { return j.ID })},
)

func (j *Job) reference() string {
	if j.unreferenced {
		return ""
	}
	return j.Reference
}

// queueSet is QueueDefinitionDto.
var queueSet = newEntitySet(
	property[Queue]{name: "Key", kind: guidKind, get: text(func(q *Queue) string { return q.Key })},
	property[Queue]{name: "Name", kind: textKind, get: text(func(q *Queue) string { return q.Name })},
	property[Queue]{name: "Description", kind: textKind, get: always[Queue](nil)},
	property[Queue]{name: "MaxNumberOfRetries", kind: intKind, get: number(func(q *Queue) int64 { return int64(q.MaxRetries) })},
	property[Queue]{name: "AcceptAutomaticallyRetry", kind: boolKind, get: truth(func(q *Queue) bool { return q.MaxRetries > 0 })},
	property[Queue]{name: "EnforceUniqueReference", kind: boolKind, get: truth(func(q *Queue) bool { return q.UniqueReference })},
	property[Queue]{name: "Encrypted", kind: boolKind, get: always[Queue](false)},
	property[Queue]{name: "CreationTime", kind: dateKind, get: date(func(q *Queue) time.Time { return q.created })},
	property[Queue]{name: "FoldersCount", kind: intKind, get: always[Queue](int64(1))},
	property[Queue]{name: "OrganizationUnitId", kind: intKind, get: number(func(q *Queue) int64 { return q.FolderID })},
	property[Queue]{name: "OrganizationUnitFullyQualifiedName", kind: textKind, get: text(func(q *Queue) string { return q.Folder })},
	property[Queue]{name: "Id", kind: intKind, get: number(func(q *Queue) int64 { return q.ID })},
)

// processSet is ReleaseDto, whose Key is a text and no GUID.
var processSet = newEntitySet(
	property[Process]{name: "Key", kind: textKind, get: text(func(p *Process) string { return p.Key })},
	property[Process]{name: "ProcessKey", kind: textKind, get: text(func(p *Process) string { return p.Name + ".Package" })},
	property[Process]{name: "ProcessVersion", kind: textKind, get: always[Process]("1.0.0")},
	property[Process]{name: "IsLatestVersion", kind: boolKind, get: always[Process](true)},
	property[Process]{name: "IsProcessDeleted", kind: boolKind, get: always[Process](false)},
	property[Process]{name: "Name", kind: textKind, get: text(func(p *Process) string { return p.Name })},
	property[Process]{name: "InputArguments", kind: textKind, get: always[Process](nil)},
	property[Process]{name: "CreationTime", kind: dateKind, get: date(func(p *Process) time.Time { return p.created })},
	property[Process]{name: "OrganizationUnitId", kind: intKind, get: number(func(p *Process) int64 { return p.FolderID })},
	property[Process]{name: "OrganizationUnitFullyQualifiedName", kind: textKind, get: text(func(p *Process) string { return p.Folder })},
	property[Process]{name: "Id", kind: intKind, get: number(func(p *Process) int64 { return p.ID })},
)

// folderSet is FolderDto.
var folderSet = newEntitySet(
	property[Folder]{name: "Key", kind: guidKind, get: text(func(f *Folder) string { return f.Key })},
	property[Folder]{name: "DisplayName", kind: textKind, get: text(func(f *Folder) string { return f.Path[strings.LastIndexByte(f.Path, '/')+1:] })},
	property[Folder]{name: "FullyQualifiedName", kind: textKind, get: text(func(f *Folder) string { return f.Path })},
	property[Folder]{name: "Description", kind: textKind, get: always[Folder](nil)},
	property[Folder]{name: "FolderType", kind: enumKind, names: []string{"Standard", "Personal", "Virtual", "Solution", "DebugSolution"}, get: always[Folder]("Standard")},
	property[Folder]{name: "ProvisionType", kind: enumKind, names: []string{"Manual", "Automatic"}, get: always[Folder]("Automatic")},
	property[Folder]{name: "PermissionModel", kind: enumKind, names: []string{"InheritFromTenant", "FineGrained"}, get: always[Folder]("FineGrained")},
	property[Folder]{name: "ParentId", kind: intKind, get: optional(func(f *Folder) int64 { return f.parentID })},
	property[Folder]{name: "ParentKey", kind: guidKind, get: text(func(f *Folder) string { return f.parentKey })},
	property[Folder]{name: "Id", kind: intKind, get: number(func(f *Folder) int64 { return f.ID })},
)
