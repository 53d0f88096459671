package app

import (
	"giosgbot/admin"
)

// Admin is the operator's side.
func (a *App) Admin() *admin.Admin { return a.admin }

// Playbook tells which playbook is active.
func (a *App) Playbook() Book { return a.book.state() }
