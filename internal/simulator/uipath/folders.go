package uipath

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Folder is a folder of the tenant. Its ID may change, its Key does not.
type Folder struct {
	ID   int64
	Key  string
	Path string // fully qualified, with slashes between the names

	parentID  int64 // 0 at the top
	parentKey string
}

// The four headers that name a folder, as net/http spells them.
const (
	headerFolderID          = "X-Uipath-Organizationunitid"
	headerFolderKey         = "X-Uipath-Folderkey"
	headerFolderPath        = "X-Uipath-Folderpath"
	headerFolderPathEncoded = "X-Uipath-Folderpath-Encoded"
)

// folderHeaders is in the order in which they count: a path goes first.
var folderHeaders = []string{headerFolderPathEncoded, headerFolderPath, headerFolderKey, headerFolderID}

// folderForm tells by which header a call names its folder: "encoded", "path",
// "key", "id" or nothing.
func folderForm(h http.Header) string {
	forms := []string{"encoded", "path", "key", "id"}
	for i, name := range folderHeaders {
		if h.Get(name) != "" {
			return forms[i]
		}
	}
	return ""
}

// folderOf finds the folder of a call. A value that has not the form of its
// header names no folder.
func (s *store) folderOf(h http.Header) (*folder, *refusal) {
	for _, name := range folderHeaders {
		if value := h.Get(name); value != "" {
			if f := s.folderBy(name, value); f != nil {
				return f, nil
			}
			return nil, &refusal{status: http.StatusForbidden, code: codeInvalidFolder, name: "InvalidOrganizationUnit",
				message: "Folder does not exist or the user does not have access to the folder."}
		}
	}
	return nil, &refusal{status: http.StatusBadRequest, code: codeFolderRequired, name: "RequiredOrganizationUnit",
		message: "A folder is required for this action."}
}

func (s *store) folderBy(header, value string) *folder {
	switch header {
	case headerFolderPathEncoded:
		path, ok := decodeFolderPath(value)
		if !ok {
			return nil
		}
		return s.folderAt(path)
	case headerFolderPath:
		if !isASCII(value) {
			return nil
		}
		return s.folderAt(value)
	case headerFolderKey:
		return s.folderWith(func(f *folder) bool { return strings.EqualFold(f.Key, value) })
	default:
		id, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil
		}
		return s.folderWith(func(f *folder) bool { return f.ID == id })
	}
}

// decodeFolderPath reads base64 of UTF-16, little endian, without a mark.
func decodeFolderPath(value string) (string, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || len(raw)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
	}
	runes := utf16.Decode(units)
	if !slices.Equal(utf16.Encode(runes), units) {
		return "", false // half of a surrogate pair
	}
	return string(runes), true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// AddFolder makes a folder and the ones above it. One that exists is given back.
func (o *Orchestrator) AddFolder(path string) Folder {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	return o.tenant.makeFolder(path).Folder
}

// RenumberFolder gives a folder another id, as a change of the licensing plan
// does. Calls by the old id are refused with 1100 from then on.
func (o *Orchestrator) RenumberFolder(path string) Folder {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	f := o.tenant.makeFolder(path)
	o.tenant.renumber(f)
	return f.Folder
}

// RemoveFolder takes a folder away with all that is in it.
func (o *Orchestrator) RemoveFolder(path string) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	o.tenant.dropFolder(path)
}
