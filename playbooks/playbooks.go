// Package playbooks holds the example playbooks, so that programs can offer them.
package playbooks

import "embed"

// FS holds the examples' files, NAME.yaml.
//
//go:embed *.yaml
var FS embed.FS
