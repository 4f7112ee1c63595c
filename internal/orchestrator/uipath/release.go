package uipath

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// release is what is used of ReleaseDto: a process as it is set up in a folder.
type release struct{ Key, Name string }

// releaseName has names as the product compares them: without case.
type releaseName struct{ folder, process string }

func releaseOf(r *job.Request) releaseName {
	return releaseName{strings.ToLower(r.Folder), strings.ToLower(strings.TrimSpace(r.Process))}
}

// releaseKey finds the key of the request's process. remembered tells that it
// was not asked for just now. Where there is no key the result says why.
func (c *Connector) releaseKey(ctx context.Context, r *job.Request) (key string, remembered bool, none orchestrator.Result) {
	name := strings.TrimSpace(r.Process)
	if values.IsGUID(name) {
		return name, false, orchestrator.Result{}
	}
	if key, ok := c.releases.Get(releaseOf(r)); ok {
		return key, true, orchestrator.Result{}
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetReleases", Method: http.MethodGet,
		Path: "/odata/Releases" + query(
			"$filter", "Name eq "+quote(name), "$select", "Id,Key,Name,ProcessKey,ProcessVersion", "$top", strconv.Itoa(releasePage)),
		Header: c.header(r.Folder),
	})
	rows, ok := readList[release](a)
	if !ok {
		none = withNames(jobWords.refine(a, false), r)
		if none.ErrorCode != codeInvalidFolder {
			none.Detail = "the process's key could not be asked for: " + none.Detail
		}
		return "", false, none
	}
	key, why := onlyKey(rows, name)
	if key == "" {
		if why.Reason == job.NotFound {
			why.Detail = noProcess
		}
		return "", false, withNames(orchestrator.Result{Health: orchestrator.Well, Outcome: why}, r)
	}
	c.releases.Put(releaseOf(r), key)
	return key, false, orchestrator.Result{}
}

// releasePage is how many processes are asked for: a name is unique in a folder.
const releasePage = 10

// onlyKey is the key of the one process of that name: a server may ignore the
// filter. Where there is none the outcome says why.
func onlyKey(rows []release, name string) (key string, why job.Outcome) {
	for _, row := range rows {
		if row.Key == "" || !strings.EqualFold(strings.TrimSpace(row.Name), name) {
			continue
		}
		if key != "" && !strings.EqualFold(key, row.Key) {
			return "", job.Reject(job.RejectedByTarget, "process: the folder has several of this name; name it by its key")
		}
		key = row.Key
	}
	switch {
	case key != "":
		return key, job.Outcome{}
	case len(rows) >= releasePage:
		return "", job.Reject(job.RejectedByTarget, "process: the API does not find a process by its name; name it by its key")
	}
	return "", job.Reject(job.NotFound, "")
}
