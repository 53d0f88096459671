package playbook_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"giosgbot/playbook"
)

// TestExamples loads, checks and plays everything in playbooks/.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../playbooks/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(data, []byte("# yaml-language-server: $schema=playbook.schema.json\n")) {
				t.Error("the first line does not name the schema")
			}
			p, err := playbook.Load(file, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range playbook.Check(p, playbook.Options{}) {
				t.Error(problem.Error())
			}
			script := strings.TrimSuffix(file, ".yaml") + ".txt"
			if data, err = os.ReadFile(script); err != nil {
				t.Fatal(err)
			}
			transcript, err := playbook.ParseTranscript(script, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range p.RunTranscript(transcript) {
				t.Error(f.String())
			}
		})
	}
}

func TestBuiltInExampleIsMinimal(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../playbooks/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, playbook.Example()) {
		t.Error("playbook/example.yaml and playbooks/minimal.yaml differ")
	}
}
