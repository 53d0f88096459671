//go:build unix

package chaos

// noSweeps makes each event count, since nothing repairs a loss.
func noSweeps(o *Options) { o.Sweeps = false }

// defects are the bugs that a run must find within minutes.
var defects = []defect{}
