package broker

import "testing"

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text     string
		warnings int
		fails    bool
	}{
		"new":            {text: "2.15.2"},
		"first safe":     {text: "2.12.6"},
		"pre-release":    {text: "2.14.0-RC.1"},
		"with a v":       {text: "v2.15.2"},
		"vulnerable":     {text: "2.12.5", warnings: 1},
		"first possible": {text: "2.11.0", warnings: 1},
		"too old":        {text: "2.10.29", fails: true},
		"much too old":   {text: "1.4.1", fails: true},
		"next major":     {text: "3.0.0"},
		"not a version":  {text: "master", warnings: 1},
		"empty":          {text: "", warnings: 1},
		"two parts":      {text: "2.12", warnings: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warnings, err := checkVersion(tt.text)
			if tt.fails {
				wantConfigError(t, err, tt.text, "use 2.12.6 or later")
			} else if err != nil {
				t.Errorf("error %v", err)
			}
			if len(warnings) != tt.warnings {
				t.Errorf("warnings %q, want %d", warnings, tt.warnings)
			}
		})
	}
}
