// Package configs holds the example configurations of this folder, for the
// programs that bring one along.
package configs

import _ "embed"

// Sandbox is what the sandbox runs with.
//
//go:embed sandbox.yaml
var Sandbox []byte
