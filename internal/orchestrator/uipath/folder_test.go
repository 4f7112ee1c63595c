package uipath

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestFolderHeader(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ folder, name, value string }{
		"path":            {"Shared", headerFolderPath, "Shared"},
		"deep path":       {"Shared/Finance", headerFolderPath, "Shared/Finance"},
		"path with blank": {"My Team/Guns N' Roses", headerFolderPath, "My Team/Guns N' Roses"},
		"id":              {"12345", headerFolderID, "12345"},
		"key":             {"0F4C5D6E-1111-2222-3333-444455556666", headerFolderKey, "0F4C5D6E-1111-2222-3333-444455556666"},
		"not quite a key": {"0F4C5D6E-1111-2222-3333-44445555666", headerFolderPath, "0F4C5D6E-1111-2222-3333-44445555666"},
		"umlaut":          {"Finance/Rechnungsprüfung", headerFolderPathEncoded, "RgBpAG4AYQBuAGMAZQAvAFIAZQBjAGgAbgB1AG4AZwBzAHAAcgD8AGYAdQBuAGcA"},
		"beyond the BMP":  {"😀", headerFolderPathEncoded, "PdgA3g=="},
		"leading blank":   {" Shared", headerFolderPathEncoded, "IABTAGgAYQByAGUAZAA="},
		"trailing blank":  {"Shared ", headerFolderPathEncoded, "UwBoAGEAcgBlAGQAIAA="},
		"other digits":    {"١٢٣", headerFolderPathEncoded, "YQZiBmMG"},
		"delete":          {"a\x7f", headerFolderPathEncoded, "YQB/AA=="},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name, value := folderHeader(tt.folder); name != tt.name || value != tt.value {
				t.Errorf("%s: %s", name, value)
			}
		})
	}
}

// The vectors of the vendor's rule.
func TestEncodePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"Shared":                   "UwBoAGEAcgBlAGQA",
		"Shared/Finance":           "UwBoAGEAcgBlAGQALwBGAGkAbgBhAG4AYwBlAA==",
		"Finance/Rechnungsprüfung": "RgBpAG4AYQBuAGMAZQAvAFIAZQBjAGgAbgB1AG4AZwBzAHAAcgD8AGYAdQBuAGcA",
		"":                         "",
	} {
		if got := encodePath(path); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func TestCheckFolder(t *testing.T) {
	t.Parallel()
	good := []string{"Shared", "Shared/Finance", "a b", "1", "9223372036854775807", "0F4C5D6E-1111-2222-3333-444455556666", "a.b/..c/d..", "ü", "1a"}
	for _, folder := range good {
		if wrong := CheckFolder(folder); wrong != "" {
			t.Errorf("%q: %s", folder, wrong)
		}
	}
	bad := map[string]string{
		"": "missing", " ": "missing", "\t": "missing",
		"0": "out of range", "9223372036854775808": "out of range", strings.Repeat("9", 400): "out of range",
		"/": "slash", "/a": "slash", "a/": "slash", "a//b": "slash",
		".": "..", "..": "..", "a/..": "..", "a/../b": "..", "./a": "..",
		"a\nb": "control", "a\x00": "control", "a\u0085": "control",
	}
	for folder, want := range bad {
		if wrong := CheckFolder(folder); !strings.Contains(wrong, want) {
			t.Errorf("%.20q: %q, want %q in it", folder, wrong, want)
		}
	}
}

// Whatever the folder, one of the four headers leads back to it.
func FuzzFolderHeader(f *testing.F) {
	for _, folder := range []string{"Shared", "Finance/Rechnungsprüfung", "1", "0F4C5D6E-1111-2222-3333-444455556666", "😀", " ", "\r\nX: y", "\xff", "a\x7f"} {
		f.Add(folder)
	}
	f.Fuzz(func(t *testing.T, folder string) {
		name, value := folderHeader(folder)
		for _, c := range []byte(value) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q cannot be sent in a header", value)
			}
		}
		if !utf8.ValidString(folder) {
			return
		}
		if name == headerFolderPathEncoded {
			value = decodePath(t, value)
		}
		if value != folder {
			t.Errorf("%s: %q leads to %q", name, folder, value)
		}
	})
}

func decodePath(t *testing.T, value string) string {
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(b)%2 != 0 {
		t.Fatalf("%q: %v", value, err)
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
