package telemetry

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set for a release:
//
//	go build -ldflags "-X github.com/queueferry/queueferry/internal/telemetry.version=v1.2.3"
var version string

// Build says what this binary is.
type Build struct {
	// Version is the release, or the module's version as Go knows it, or "devel".
	Version string `json:"version"`
	// Revision is the commit, with "+dirty" when the tree had changes; "unknown"
	// where Go was not told.
	Revision string `json:"revision"`
	// Go is the version of Go that built it.
	Go string `json:"go"`
}

// ReadBuild reads what Go noted in the binary.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(version, info)
}

func describe(release string, info *debug.BuildInfo) Build {
	b := Build{Version: release, Revision: "unknown", Go: runtime.Version()}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	modified := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			b.Revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+dirty"
		}
	}
	if b.Revision != "unknown" {
		b.Revision += modified
	}
	return b
}

// String is one line for a person.
func (b Build) String() string {
	return fmt.Sprintf("queueferry %s (revision %s, %s)", b.Version, b.Revision, b.Go)
}
