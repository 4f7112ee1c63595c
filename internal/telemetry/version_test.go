package telemetry

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	clean := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}}
	dirty := []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}}
	for name, c := range map[string]struct {
		release string
		info    debug.BuildInfo
		want    Build
	}{
		"nothing known":     {"", debug.BuildInfo{}, Build{Version: "devel", Revision: "unknown"}},
		"go build":          {"", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, Build{Version: "devel", Revision: "unknown"}},
		"go install":        {"", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, Build{Version: "v1.2.3", Revision: "unknown"}},
		"release":           {"v2.0.0", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: clean}, Build{Version: "v2.0.0", Revision: "abc"}},
		"dirty tree":        {"", debug.BuildInfo{Settings: dirty}, Build{Version: "devel", Revision: "abc+dirty"}},
		"dirty of what":     {"", debug.BuildInfo{Settings: dirty[:1]}, Build{Version: "devel", Revision: "unknown"}},
		"revision is empty": {"", debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision"}}}, Build{Version: "devel", Revision: "unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Go = runtime.Version()
			if diff := cmp.Diff(c.want, describe(c.release, &c.info)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadBuildIsComplete(t *testing.T) {
	t.Parallel()
	b := ReadBuild()
	if b.Version == "" || b.Revision == "" || b.Go != runtime.Version() {
		t.Errorf("got %+v", b)
	}
	want := "queueferry v1.2.3 (revision abc, go1.26.8)"
	if got := (Build{Version: "v1.2.3", Revision: "abc", Go: "go1.26.8"}).String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
