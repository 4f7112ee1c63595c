package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

// offlineNATS is what can be told without a connection: the store of the embedded
// server. Nothing is made or locked: a worker may be about to start.
func (b *book) offlineNATS(cfg *config.Config) {
	e := cfg.NATS.Embedded
	if e == nil {
		return
	}
	f := store(e.StoreDir)
	b.add(f)
	b.misconfigured = f.Status == finding.Error // the worker does not start without it
}

// markerName is of the file that is there while a server uses the store.
const markerName = "running"

func store(dir string) finding.Finding {
	subject, check := "nats", "store"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := existing(dir)
		if why := unwritable(parent); why != "" {
			return finding.Bad(finding.Error, subject, check, dir+" is not there and cannot be made: "+parent+" "+why,
				"Set nats.embedded.store_dir to a directory on a lasting disk that the worker may write to.")
		}
		return finding.Good(subject, check, dir+" is not there yet: the worker makes it")
	case err != nil:
		return finding.Bad(finding.Error, subject, check, dir+": "+reason(err), "Let the account of the worker use the directory, or choose another.")
	case !info.IsDir():
		return finding.Bad(finding.Error, subject, check, dir+" is not a directory", "Set nats.embedded.store_dir to a directory.")
	}
	if why := unwritable(dir); why != "" {
		return finding.Bad(finding.Error, subject, check, dir+" "+why, "Let the account of the worker write to the directory, or choose another.")
	}
	if _, err := os.Stat(filepath.Join(dir, markerName)); err == nil {
		return finding.Good(subject, check, dir+" is in use by a worker, or was left by one that was killed")
	}
	return finding.Good(subject, check, dir+" is there, and no worker uses it")
}

// existing is the nearest directory above that is there.
func existing(dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}
