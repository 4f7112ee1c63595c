package uipath

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// The folder headers (UiPath Orchestrator API guide, Building API requests).
const (
	headerFolderID          = "X-UIPATH-OrganizationUnitId"
	headerFolderKey         = "X-UIPATH-FolderKey"
	headerFolderPath        = "X-UIPATH-FolderPath"
	headerFolderPathEncoded = "X-UIPATH-FolderPath-Encoded"
)

// folderHeader names a folder by what the text looks like: digits are an id, a
// GUID is a key, anything else is a path. A path goes encoded unless it
// survives an HTTP header as it is.
func folderHeader(folder string) (name, value string) {
	switch {
	case isFolderID(folder):
		return headerFolderID, folder
	case values.IsGUID(folder):
		return headerFolderKey, folder
	case plain(folder):
		return headerFolderPath, folder
	default:
		return headerFolderPathEncoded, encodePath(folder)
	}
}

func isFolderID(folder string) bool {
	for _, c := range []byte(folder) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return folder != ""
}

func plain(path string) bool {
	for _, c := range []byte(path) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return strings.TrimSpace(path) == path
}

// encodePath is the Base64 of the path's UTF-16 in little endian, without a
// byte order mark.
func encodePath(path string) string {
	units := utf16.Encode([]rune(path))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// CheckFolder says what is wrong with a folder, or returns an empty string.
func CheckFolder(folder string) string {
	switch {
	case strings.TrimSpace(folder) == "":
		return "missing; UiPath needs the folder's path, its key or its id"
	case isFolderID(folder):
		if id, err := strconv.ParseInt(folder, 10, 64); err != nil || id <= 0 {
			return "digits are a folder id, and this one is out of range"
		}
	case strings.ContainsFunc(folder, unicode.IsControl):
		return "a path has no control characters"
	}
	for part := range strings.SplitSeq(folder, "/") {
		switch part {
		case "":
			return "a path has no slash at its beginning or end, and no empty part; write it such as Finance/AP"
		case ".", "..":
			return "a path begins at the tenant's root; it has no part . or .."
		}
	}
	return ""
}
