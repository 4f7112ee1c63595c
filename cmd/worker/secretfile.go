package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretRoom is what is taken of the disk before a secret is asked for, in
// bytes. A secret that is longer could not be read from its file.
const secretRoom = 64 << 10

// secretFile is a new file for a secret that comes only once. Its room on the
// disk is taken, and its name, before anybody is asked for the secret. Until the
// secret is there the file is empty.
type secretFile struct {
	path string // absolute
	room *os.File
	kept bool
}

// newSecretFile makes the file, which must not exist.
func newSecretFile(path string) (*secretFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("--secret-file: %w", err)
	}
	name, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("--secret-file: %s is there already, and is not written over; name another one", path)
	case err != nil:
		return nil, fmt.Errorf("--secret-file: %w", err)
	}
	_ = name.Close() // nothing was written
	f := &secretFile{path: path}
	if err := f.takeRoom(); err != nil {
		f.discard()
		return nil, fmt.Errorf("--secret-file: %w", err)
	}
	return f, nil
}

// takeRoom makes the file beside it that the secret is written to.
func (f *secretFile) takeRoom() (err error) {
	f.room, err = os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	if _, err := f.room.Write(bytes.Repeat([]byte{'\n'}, secretRoom)); err != nil {
		return err
	}
	return f.room.Sync()
}

// keep puts the secret into the file.
func (f *secretFile) keep(value string) error {
	if _, err := f.room.WriteAt([]byte(value), 0); err != nil {
		return fmt.Errorf("its secret could not be written; delete it: %w", err)
	}
	if err := errors.Join(f.room.Truncate(int64(len(value))), f.room.Sync(), f.room.Close()); err != nil {
		return fmt.Errorf("its secret could not be written; delete it: %w", err)
	}
	f.kept = true
	if err := os.Rename(f.room.Name(), f.path); err != nil {
		return fmt.Errorf("its secret is in %s: %w", f.room.Name(), err)
	}
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync() // not every system can
		_ = dir.Close()
	}
	return nil
}

// discard removes what was made, unless the secret was kept.
func (f *secretFile) discard() {
	if f.kept {
		return
	}
	if f.room != nil {
		_ = f.room.Close()
		_ = os.Remove(f.room.Name())
	}
	if info, err := os.Lstat(f.path); err == nil && info.Size() == 0 {
		_ = os.Remove(f.path)
	}
}
