package automationanywhere

import (
	"slices"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The types of what lies in the repository. Enterprise 11 does not show them, it
// tells directories from files only.
const (
	TaskBot   = "application/vnd.aa.taskbot"
	Directory = "application/vnd.aa.directory"
	Document  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// File is a bot, a directory or something else in the public workspace.
type File struct {
	ID int64
	// Path in full, with backslashes: Automation Anywhere\Bots\Finance\Post. Its
	// last part is the name.
	Path string
	// Type of the file. Empty: TaskBot.
	Type string
	// Inputs are the variables of a bot that are marked as input, with their types:
	// STRING, NUMBER, BOOLEAN, LIST, DICTIONARY or DATETIME. Must not be changed.
	Inputs map[string]string
}

// Name is the last part of the path.
func (f *File) Name() string { return f.Path[strings.LastIndexByte(f.Path, '\\')+1:] }

// AddFile puts a file into the repository and gives it with its id. Paths are not
// checked, so that a list can hold one twice, or in two cases of letters.
func (o *ControlRoom) AddFile(f File) File {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.Type == "" {
		f.Type = TaskBot
	}
	f.ID = o.nextID()
	o.files = append(o.files, f)
	return f
}

// RemoveFile takes the files of a path away, letter by letter: a deployment of
// one is refused with 404.
func (o *ControlRoom) RemoveFile(path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files = slices.DeleteFunc(o.files, func(f File) bool { return f.Path == path })
}

func (o *ControlRoom) listFiles(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	fields := []string{"id", "name", "path", "directory", "parentId", "lastModified"}
	if o.settings.Generation == A360 {
		fields = []string{"id", "name", "path", "type", "parentId", "lastModified"}
	}
	return list(o, c, table[File]{fields: fields, allows: o.pathOperators, get: o.fileField, show: o.showFile}, o.files)
}

// pathOperators: of Enterprise 11, substring on a path is documented and nothing
// else.
func (o *ControlRoom) pathOperators(field, operator string) bool {
	return o.settings.Generation != E11 || field != "path" || operator == "substring"
}

func (o *ControlRoom) fileField(f File, field string) string {
	switch field {
	case "id":
		return strconv.FormatInt(f.ID, 10)
	case "name":
		return f.Name()
	case "path":
		return f.Path
	case "type":
		return f.Type
	case "directory":
		return strconv.FormatBool(f.Type == Directory)
	case "parentId":
		return strconv.FormatInt(o.parent(f), 10)
	default:
		return fileTime
	}
}

const fileTime = "2026-01-02T03:04:05.678Z"

// parent is the id of the directory that a file lies in, 1 where there is no row
// for it.
func (o *ControlRoom) parent(f File) int64 {
	above := strings.TrimSuffix(strings.TrimSuffix(f.Path, f.Name()), `\`)
	i := slices.IndexFunc(o.files, func(other File) bool { return other.Type == Directory && other.Path == above })
	if i < 0 {
		return 1
	}
	return o.files[i].ID
}

func (o *ControlRoom) showFile(f File) map[string]any {
	shown := map[string]any{
		"id": o.id(f.ID), "parentId": o.id(o.parent(f)), "name": f.Name(), "path": f.Path, "size": o.id(4096),
		"lastModified": fileTime, "lastModifiedBy": o.id(1),
	}
	if o.settings.Generation == E11 {
		shown["directory"], shown["isLocked"] = f.Type == Directory, false
		return shown
	}
	shown["type"], shown["description"], shown["locked"], shown["folder"] = f.Type, "", false, f.Type == Directory
	return shown
}
