package playbook_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"giosgbot/playbook"
)

var update = flag.Bool("update", false, "update playbooks/playbook.schema.json and the golden files")

func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	const file = "../playbooks/playbook.schema.json"
	if *update {
		if err := os.WriteFile(file, playbook.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, playbook.Schema()) {
		t.Errorf("%s does not match the types; run go test ./playbook -run Schema -update", file)
	}
}
