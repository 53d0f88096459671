package app_test

import (
	"flag"
	"os"
	"testing"
)

// atOnce is how many tests run at the same time. They wait much longer than they compute: for back-off, leases and settle times.
const atOnce = "16"

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
