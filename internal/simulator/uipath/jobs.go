package uipath

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// startJobs is POST /odata/Jobs/UiPath.Server.Configuration.OData.StartJobs. It
// has no device against repetition: every call that is accepted starts jobs.
func (o *Orchestrator) startJobs(c *call) answer {
	fields, refused := o.options(c, jobSet.names())
	if refused != nil {
		return *refused
	}
	o.tenant.mu.RLock()
	_, missing := o.tenant.folderOf(c.header)
	o.tenant.mu.RUnlock()
	if missing != nil {
		return c.refuse(missing)
	}
	var body startJobsBody
	if refused := c.decode(&body, "startInfo"); refused != nil {
		return *refused
	}
	if body.StartInfo == nil {
		return c.mustNotBeNull("startInfo")
	}
	o.noteSource(c, body.StartInfo.Source != nil)
	invalid := body.StartInfo.check()
	if invalid == nil {
		invalid = c.failing(body.StartInfo.Reference)
	}
	if invalid != nil {
		return c.refuse(invalid)
	}
	jobs, invalid := o.storeJobs(c, body.StartInfo)
	if invalid != nil {
		return c.refuse(invalid)
	}
	out := o.openList("Jobs", -1)
	for i := range jobs {
		out = appendRow(out, i, jobSet, &jobs[i], fields.selected)
	}
	return o.entity(http.StatusCreated, append(out, "]}"...))
}

func (o *Orchestrator) storeJobs(c *call, info *startInfo) ([]Job, *refusal) {
	s := o.tenant
	s.mu.Lock()
	defer s.mu.Unlock()
	f, missing := s.folderOf(c.header)
	if missing != nil {
		return nil, missing
	}
	process, missing := f.process(info)
	if missing != nil {
		return nil, missing
	}
	count, refused := f.jobsToStart(info)
	if refused != nil {
		return nil, refused
	}
	create := count
	if c.lens.partial && count > 1 {
		create = count / 2
	}
	batch := string(info.BatchExecutionKey)
	setDefault(&batch, newKey())
	jobs := make([]Job, 0, create)
	for range create {
		job := info.job(process, batch, o.now())
		job.unreferenced = o.settings.JobsKeepNoReference
		row := s.addJob(f, job)
		jobs = append(jobs, row.Job)
		c.effects++
	}
	if create < count {
		return nil, &refusal{status: http.StatusConflict, name: "PartiallyCreatedJobs", message: "The jobs were created only in part."}
	}
	return jobs, nil
}

// process is the one that a start names, by its key if it gives one. A name that
// several bear is refused; what the product does then is not documented.
func (f *folder) process(info *startInfo) (*Process, *refusal) {
	wanted := info.ReleaseKey
	is := func(p *Process) bool { return strings.EqualFold(p.Key, wanted) }
	if wanted == "" {
		wanted = info.ReleaseName
		is = named(wanted)
	}
	first := slices.IndexFunc(f.processes, is)
	switch {
	case first < 0:
		return nil, &refusal{status: http.StatusNotFound, code: codeItemNotFound, message: wanted + " does not exist."}
	case slices.ContainsFunc(f.processes[first+1:], is):
		return nil, invalidArgument("Several processes are named " + wanted + ".")
	}
	return f.processes[first], nil
}

// jobsToStart is how many jobs a start asks for. Robots matter only to the
// strategies that name or count them.
func (f *folder) jobsToStart(info *startInfo) (int, *refusal) {
	noRobot := func(message string) *refusal {
		return &refusal{status: http.StatusConflict, name: "InvalidStartJobRobotIds", message: message}
	}
	switch info.Strategy {
	case "Specific":
		if slices.ContainsFunc(info.RobotIDs, func(id int64) bool { return !slices.Contains(f.robots, id) }) {
			return 0, noRobot("Couldn't find the specified unattended user/robot in the current folder.")
		}
		return len(info.RobotIDs), nil
	case "All", "RobotCount":
		if len(f.robots) == 0 {
			return 0, noRobot("Couldn't find any user with unattended robot permissions in the current folder.")
		}
		if info.Strategy == "All" {
			return len(f.robots), nil
		}
		return int(info.NoOfRobots), nil
	default:
		return max(1, int(info.JobsCount)), nil
	}
}

func (i *startInfo) job(process *Process, batch string, now time.Time) Job {
	job := Job{
		Process: process.Name, ProcessKey: process.Key, State: "Pending", Priority: string(i.JobPriority), Source: "Manual",
		Reference: i.Reference, InputArguments: i.InputArguments, BatchKey: batch, RuntimeType: string(i.RuntimeType),
		Created: now.UTC().Truncate(time.Millisecond),
	}
	setDefault(&job.Priority, "Normal")
	if i.SpecificPriorityValue != nil {
		job.SpecificPriority = int(*i.SpecificPriorityValue)
	}
	if i.Source != nil {
		job.Source = string(*i.Source)
	}
	return job
}
