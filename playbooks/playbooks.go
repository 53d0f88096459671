// Package playbooks contains the example playbooks, so that programs can offer them.
package playbooks

import "embed"

// FS contains the files of the examples, NAME.yaml.
//
//go:embed *.yaml
var FS embed.FS
