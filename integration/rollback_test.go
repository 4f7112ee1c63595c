package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// A NATS server that loses its latest writes, as after a power failure with a disk
// that is not synced, takes the ledger back with the messages: what was settled is
// delivered again as if for the first time, and nothing in the stream tells. Only
// the orchestrator can know better, and it does only of queue items with unique
// references. For the rest the test states what remains: everything is carried out
// once more.
func TestAStoreThatRollsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		task task
		want int // effects of each request
	}{
		"unique item": {uniqueItem, 1},
		"plain item":  {plainItem, 2},
		"job":         {startJob, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 20
			r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
			r.uipath.AddProcess(folder, "Post")
			cfg, err := config.Load(r.file(c.task, "", ""), os.LookupEnv)
			if err != nil {
				t.Fatal(err)
			}
			r.startWith(cfg).end() // it makes the streams
			r.ask(c.task, "inv", n)
			saved := t.TempDir()
			r.offline(func(store string) { replace(t, saved, store) })
			w := r.startWith(cfg)
			r.settledAll()
			w.end()
			r.has(1, c.task, "inv", n)

			r.offline(func(store string) { replace(t, store, saved) })
			w = r.startWith(cfg)
			r.settledAll()
			w.end()
			r.has(c.want, c.task, "inv", n)
			r.onlyVictimDied(c.task, "")
		})
	}
}

// offline does something to the server's store while the server is down.
func (r *rig) offline(do func(store string)) {
	r.t.Helper()
	r.nats.Shutdown()
	do(r.nats.Dir())
	r.nats.Restart(r.t)
	r.eventually("the test is connected again", r.nc.IsConnected)
}

// replace makes one directory what the other one is.
func replace(t *testing.T, to, from string) {
	t.Helper()
	entries, err := os.ReadDir(to)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(filepath.Join(to, e.Name()))
		}
	}
	if err == nil {
		err = os.CopyFS(to, os.DirFS(from))
	}
	if err != nil {
		t.Fatal(err)
	}
}
