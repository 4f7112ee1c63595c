package uipath

import (
	"net/http"
	"strconv"
	"strings"
)

// Operation names what a call asks for.
type Operation string

// The operations. Unrouted is a call that no operation answers.
const (
	Token                Operation = "Token"       // of the identity server
	Revoke               Operation = "Revoke"      // of the identity server (RFC 7009)
	LegacyLogIn          Operation = "LegacyLogIn" // of the API: api/Account/Authenticate
	AddQueueItem         Operation = "AddQueueItem"
	BulkAddQueueItems    Operation = "BulkAddQueueItems"
	StartJobs            Operation = "StartJobs"
	ListQueueDefinitions Operation = "ListQueueDefinitions"
	ListReleases         Operation = "ListReleases"
	ListQueueItems       Operation = "ListQueueItems"
	GetQueueItem         Operation = "GetQueueItem"
	ListJobs             Operation = "ListJobs"
	GetJob               Operation = "GetJob"
	ListFolders          Operation = "ListFolders"
	Status               Operation = "Status"
	Unrouted             Operation = "Unrouted"
)

// identity reports whether an operation is one of the identity server.
func (op Operation) identity() bool { return op == Token || op == Revoke }

// ActingOperations are the ones that leave something behind.
var ActingOperations = []Operation{AddQueueItem, BulkAddQueueItems, StartJobs}

// AuthorizedOperations are the ones that need a token.
var AuthorizedOperations = []Operation{
	AddQueueItem, BulkAddQueueItems, StartJobs, ListQueueDefinitions, ListReleases, ListQueueItems, GetQueueItem,
	ListJobs, GetJob, ListFolders,
}

// route is what an operation demands before its handler runs.
type route struct {
	method   string
	scopes   []string // one of them, or OR.Default; none: no token at all
	inFolder bool
	acting   bool
	limited  bool     // counts against LookUpsPerMinute
	options  []string // query options it knows, in order
	maxTop   int
}

var (
	listOptions   = []string{"$expand", "$filter", "$select", "$orderby", "$top", "$skip", "$count"}
	entityOptions = []string{"$expand", "$select"}
	startOptions  = []string{"$expand", "$filter", "$select", "$orderby", "$count"}
	// crossFolder are options of lists that are no OData options.
	crossFolder = []string{"mandatoryPermissions", "atLeastOnePermissions"}

	writeQueues = []string{"OR.Queues", "OR.Queues.Write"}
	readQueues  = []string{"OR.Queues", "OR.Queues.Read"}
	writeJobs   = []string{"OR.Jobs", "OR.Jobs.Write"}
	readJobs    = []string{"OR.Jobs", "OR.Jobs.Read"}
)

var routes = map[Operation]route{
	AddQueueItem:      {method: http.MethodPost, scopes: writeQueues, inFolder: true, acting: true, options: entityOptions},
	BulkAddQueueItems: {method: http.MethodPost, scopes: writeQueues, inFolder: true, acting: true, options: entityOptions},
	StartJobs:         {method: http.MethodPost, scopes: writeJobs, inFolder: true, acting: true, options: startOptions},
	ListQueueDefinitions: {method: http.MethodGet, scopes: readQueues, inFolder: true,
		options: append(crossFolder, listOptions...), maxTop: 1000},
	ListReleases: {method: http.MethodGet, scopes: []string{"OR.Execution", "OR.Execution.Read"}, inFolder: true,
		options: append(crossFolder, listOptions...), maxTop: 1000},
	ListQueueItems: {method: http.MethodGet, scopes: readQueues, inFolder: true, limited: true,
		options: append(crossFolder, listOptions...), maxTop: 100},
	GetQueueItem: {method: http.MethodGet, scopes: readQueues, inFolder: true, options: entityOptions},
	ListJobs: {method: http.MethodGet, scopes: readJobs, inFolder: true, limited: true,
		options: append(crossFolder, listOptions...), maxTop: 1000},
	GetJob: {method: http.MethodGet, scopes: readJobs, inFolder: true, options: entityOptions},
	ListFolders: {method: http.MethodGet, scopes: []string{"OR.Folders", "OR.Folders.Read"},
		options: listOptions, maxTop: 1000},
	Status:      {method: http.MethodGet},
	LegacyLogIn: {method: http.MethodPost},
}

var paths = map[string]Operation{
	"/odata/Queues/UiPathODataSvc.AddQueueItem":               AddQueueItem,
	"/odata/Queues/UiPathODataSvc.BulkAddQueueItems":          BulkAddQueueItems,
	"/odata/Jobs/UiPath.Server.Configuration.OData.StartJobs": StartJobs,
	"/odata/QueueDefinitions":                                 ListQueueDefinitions,
	"/odata/Releases":                                         ListReleases,
	"/odata/QueueItems":                                       ListQueueItems,
	"/odata/Jobs":                                             ListJobs,
	"/odata/Folders":                                          ListFolders,
	"/api/Status/Get":                                         Status,
	"/api/Account/Authenticate":                               LegacyLogIn,
}

// find tells which operation a path names, and the key of an entity's path.
// Letters count as they are written.
func (o *Orchestrator) find(path string) (op Operation, key int64) {
	rest, ok := strings.CutPrefix(path, o.prefix)
	if !ok {
		return Unrouted, 0
	}
	if op, ok := paths[rest]; ok {
		return op, 0
	}
	if key, ok := entityKey(rest, "/odata/QueueItems("); ok {
		return GetQueueItem, key
	}
	if key, ok := entityKey(rest, "/odata/Jobs("); ok {
		return GetJob, key
	}
	return Unrouted, 0
}

func entityKey(path, before string) (int64, bool) {
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return 0, false
	}
	digits, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return 0, false
	}
	key, err := strconv.ParseInt(digits, 10, 64)
	return key, err == nil
}
