package app

import (
	"giosgbot/admin"
)

// Admin serves the operators.
func (a *App) Admin() *admin.Admin { return a.admin }

// Playbook returns the active playbook.
func (a *App) Playbook() Book { return a.book.state() }
