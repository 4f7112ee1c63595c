package veeam

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// filtering answers to a list with a filter, and without.
func filtering(with, without reply) func(string) reply {
	return func(query string) reply {
		if strings.Contains(query, "filter=") {
			return with
		}
		return without
	}
}

// paged is a list that heeds start and limit.
func paged(most int, all ...string) func(string) reply {
	return func(query string) reply {
		q, _ := url.ParseQuery(query)
		start, _ := strconv.Atoi(q.Get("start"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		start = min(2*start, len(all))
		rows := all[start:min(start+2*min(limit, most), len(all))]
		body := listOf(rows...).body
		return reply{status: 200, body: strings.Replace(body, fmt.Sprintf(`"total":%d`, len(rows)/2), fmt.Sprintf(`"total":%d`, len(all)/2), 1)}
	}
}

// A name counts letter by letter, is believed to be missing only when all plans
// were read, and stands for one plan or none.
func TestPlanByName(t *testing.T) {
	t.Parallel()
	both := listOf(planA, "Site A", planB, "Site B")
	refused := reply{status: 400, body: ownError}
	for name, tt := range map[string]struct {
		plans  func(string) reply
		want   string
		detail string
		order  string
	}{
		"filtered":                        {filtering(listOf(planA, "Site A"), refused), "delivered 1", "", "LSA"},
		"the filter is ignored":           {filtering(both, both), "delivered 1", "", "LLSA"},
		"the filter is refused":           {filtering(refused, both), "delivered 1", "", "LLSA"},
		"the filter fails":                {filtering(reply{status: 500}, both), "delivered 1", "", "LLSA"},
		"the filter finds nothing":        {filtering(listOf(), both), "delivered 1", "", "LLSA"},
		"the filter folds case":           {filtering(listOf(planA, "Site A", planB, "site a"), listOf(planA, "Site A", planB, "site a")), "delivered 1", "", "LLSA"},
		"the filter cuts off":             {filtering(reply{status: 200, body: `{"total":2,"data":[{"id":"` + planA + `","name":"Site A"}]}`}, both), "delivered 1", "", "LLSA"},
		"none":                            {filtering(listOf(), listOf(planB, "site a")), "rejected not_found 1", `there is no plan "Site A"`, "LL"},
		"none at all":                     {filtering(listOf(), listOf()), "rejected not_found 1", `there is no plan "Site A"`, "LL"},
		"several":                         {filtering(listOf(planA, "Site A", planB, "Site A"), refused), "rejected rejected 1", `there are 2 plans of the name "Site A"`, "L"},
		"one, twice":                      {filtering(refused, listOf(planA, "Site A", planA, "Site A")), "delivered 1", "", "LLSA"},
		"an id that is none":              {filtering(listOf("../x", "Site A"), listOf("../x", "Site A")), "rejected not_found 1", "", "LL"},
		"rows that are none":              {filtering(refused, reply{status: 200, body: `{"data":[1]}`}), "unavailable unexpected_answer 2", "", "LL"},
		"names of another type":           {filtering(refused, reply{status: 200, body: `{"total":1,"data":[{"id":7,"name":null}]}`}), "rejected not_found 1", "", "LL"},
		"the same page for ever":          {filtering(refused, reply{status: 200, body: `{"total":9,"data":[{"id":"` + planA + `","name":"Site A"}]}`}), "rejected rejected 1", "name it by its UUID", "LLL"},
		"the same page, and enough of it": {filtering(refused, reply{status: 200, body: `{"total":2,"data":[{"id":"` + planA + `","name":"Site A"}]}`}), "rejected rejected 1", "name it by its UUID", "LLL"},
		"the same page without a total":   {filtering(refused, reply{status: 200, body: `{"data":[{"id":"` + planA + `","name":"Site A"}]}`}), "rejected rejected 1", "name it by its UUID", "LLL"},
		"another version":                 {filtering(refused, reply{status: 404, body: ownError}), "unavailable unexpected_answer 2", "version v7.21", "LL"},
		"down":                            {filtering(reply{status: 503}, both), "unavailable service_unavailable 2", "", "L"},
		"forbidden":                       {filtering(reply{status: 403, body: ownError}, both), "deferred forbidden 1", "", "L"},
		"throttled":                       {filtering(reply{status: 429}, both), "unavailable throttled 3", "", "L"},
		"token":                           {filtering(reply{status: 401}, both), "unavailable token_refused 4", "", "L"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: tt.plans}
			r := submit(t, f.connector(), try("Site A", ""))
			if is(r) != tt.want || !strings.Contains(r.Detail, tt.detail) || f.order != tt.order {
				t.Errorf("%s, %+v, after %s", is(r), r, f.order)
			}
		})
	}
}

// A list is read to its end, however few plans a page has.
func TestPages(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 250 {
		all = append(all, fmt.Sprintf("%08x-aaaa-4aaa-8aaa-111111111111", i), "Plan "+strconv.Itoa(i))
	}
	for name, tt := range map[string]struct {
		most, lists int
	}{"as asked for": {1000, 4}, "fewer": {30, 10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: paged(tt.most, all...)}
			c := f.connector()
			if r := submit(t, c, try("Plan 249", "")); r.Receipt.Key != all[2*249] || strings.Count(f.order, "L") != tt.lists {
				t.Errorf("%+v after %s", r, f.order)
			}
			f.state = always(500, ownError)
			if r := submit(t, c, try(planA, "")); is(r) != "rejected not_found 1" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A filter that was refused while the list can be read is not tried again.
func TestFilterThatIsRefused(t *testing.T) {
	t.Parallel()
	f := &api{plans: filtering(reply{status: 400}, listOf(planA, "Site A"))}
	c := f.connector()
	submit(t, c, try("Site A", failover))
	if r := submit(t, c, try("Site A", failover)); r.Verdict != job.Delivered || f.order != "LLSALSA" {
		t.Errorf("%+v after %s", r, f.order)
	}
}

// One that failed together with the list is.
func TestFilterThatFailed(t *testing.T) {
	t.Parallel()
	down := reply{status: 500, body: ownError}
	f := &api{plans: filtering(down, down)}
	c := f.connector()
	if r := submit(t, c, try("Site A", "")); is(r) != "unavailable service_unavailable 2" {
		t.Errorf("%+v", r)
	}
	f.plans = filtering(listOf(planA, "Site A"), down)
	if r := submit(t, c, try("Site A", "")); r.Verdict != job.Delivered {
		t.Errorf("%+v", r)
	}
}

// A plan's id is remembered for a while, but not for what moves production, and
// not when it proves to be wrong.
func TestPlanIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &api{plans: filtering(listOf(planA, "Site A"), listOf(planB, "Site A"))}
		c := f.connector()
		ask := func(options, want, order string) {
			t.Helper()
			f.order = ""
			if r := submit(t, c, try("Site A", options)); is(r) != want || f.order != order {
				t.Errorf("%s, %+v after %s", is(r), r, f.order)
			}
		}
		ask("", "delivered 1", "LSA")
		ask("", "delivered 1", "SA")
		ask(failover, "delivered 1", "LSA")
		time.Sleep(lookup.CacheLife)
		ask("", "delivered 1", "LSA")
		f.state = always(404, ownError)
		ask("", "deferred 1", "SL")
		f.state = nil
		ask("", "delivered 1", "LSA")
		f.act = always(400, ownError)
		ask("", "rejected rejected 1", "SAS")
		f.act = nil
		ask("", "delivered 1", "LSA")
	})
}

// How a plan is before its call.
func TestStateBefore(t *testing.T) {
	t.Parallel()
	gone := func(string) reply { return listOf(planB, "Site B") }
	broken := func(string) reply { return reply{status: 200, body: htmlPage} }
	for name, tt := range map[string]struct {
		plans func(string) reply
		state reply
		want  string
		order string
	}{
		"at rest":                        {nil, reply{status: 200, body: idle}, "delivered 1", "SA"},
		"at work":                        {nil, reply{status: 200, body: inCheck}, "busy 1", "S"},
		"at work, as text":               {nil, reply{status: 200, body: `{"isRunningState":"True"}`}, "busy 1", "S"},
		"a page":                         {nil, reply{status: 200, body: htmlPage}, "unavailable unexpected_answer 2", "S"},
		"a page's type":                  {nil, reply{status: 200, body: idle, kind: "text/html"}, "unavailable unexpected_answer 2", "S"},
		"a list":                         {nil, reply{status: 200, body: `[]`}, "unavailable unexpected_answer 2", "S"},
		"lost":                           {nil, reply{lost: true}, "unavailable connection_lost 2", "S"},
		"no details":                     {nil, reply{status: 200, body: `null`}, "delivered 1", "SLA"},
		"no details, empty":              {nil, reply{status: 200}, "delivered 1", "SLA"},
		"no details, 204":                {nil, reply{status: 204}, "delivered 1", "SLA"},
		"no details, 404":                {nil, reply{status: 404, body: ownError}, "delivered 1", "SLA"},
		"details that tell nothing":      {nil, reply{status: 200, body: `{"isRunningState":7}`}, "delivered 1", "SLA"},
		"no plan, empty":                 {gone, reply{status: 200}, "rejected not_found 1", "SL"},
		"no plan, 400":                   {gone, reply{status: 400}, "rejected not_found 1", "SL"},
		"no plan, 404":                   {gone, reply{status: 404, body: htmlPage}, "rejected not_found 1", "SL"},
		"no plan, 500":                   {gone, reply{status: 500, body: ownError}, "rejected not_found 1", "SL"},
		"500 for this plan alone":        {nil, reply{status: 500, body: ownError}, "busy 1", "SL"},
		"500, and no list":               {broken, reply{status: 500}, "unavailable unexpected_answer 2", "SL"},
		"404, a page":                    {nil, reply{status: 404, body: htmlPage}, "unavailable unexpected_answer 2", "SL"},
		"404, and no list":               {broken, reply{status: 404}, "unavailable unexpected_answer 2", "SL"},
		"503":                            {gone, reply{status: 503}, "unavailable service_unavailable 2", "S"},
		"forbidden":                      {gone, reply{status: 403, body: ownError}, "deferred forbidden 1", "S"},
		"token":                          {gone, reply{status: 401}, "unavailable token_refused 4", "S"},
		"throttled":                      {gone, reply{status: 429}, "unavailable throttled 3", "S"},
		"a list that is not to be ended": {func(string) reply { return reply{status: 200, body: `{"total":5,"data":[]}`} }, reply{status: 404}, "delivered 1", "SLA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: tt.plans, state: func(int) reply { return tt.state }}
			r := submit(t, f.connector(), try(planA, failover))
			if is(r) != tt.want || f.order != tt.order {
				t.Errorf("%s, %+v, after %s", is(r), r, f.order)
			}
			if r.Verdict == job.Unavailable && r.Called {
				t.Error("a call was made")
			}
		})
	}
}
