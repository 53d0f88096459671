package app

import (
	"github.com/redis/go-redis/v9"

	"giosgbot/admin"
	"giosgbot/bot"
)

// Admin is the operator's side.
func (a *App) Admin() *admin.Admin { return a.admin }

// NewFleet returns what replicas on this Redis have in common.
func NewFleet(c redis.UniversalClient) bot.Fleet { return fleet{c, "giosgbot"} }
