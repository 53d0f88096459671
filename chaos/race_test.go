//go:build unix && race

package chaos

func init() { raceful = true }
