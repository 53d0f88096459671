package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// answer is the common case: nothing is in doubt, and the event is the next line to answer.
func (t *turn) answer(ctx context.Context) error {
	if err := t.lookUpRoom(ctx); err != nil {
		return err
	}
	line := replay.FromEvent(t.ev)
	in := replay.Input(t.about(), line)
	in.Early = replay.Millis(t.ev.At) < t.memo.Greeted
	r := &replay.Reply{Line: line, In: in, Owed: true}
	r.Plan = t.pins.plan(r, t.memo.State, t.plan)
	r.Rest, t.memo.State = r.Plan.Actions, r.Plan.State
	if err := t.carryOut(ctx, r); err != nil {
		return err
	}
	t.settled(r)
	return nil
}

// carryOut does what is left of a reply.
func (t *turn) carryOut(ctx context.Context, r *replay.Reply) error {
	t.failing = r
	if _, pinned := t.pins[r.Line.ID]; len(r.Rest) > 1 && !pinned {
		if err := t.pin(ctx, r); err != nil {
			return err
		}
	}
	for len(r.Rest) > 0 {
		if h, ok := r.Rest[0].(playbook.HandOver); ok {
			if err := t.handOver(ctx, r, h); err != nil {
				return err
			}
			continue
		}
		if err := t.do(ctx, r.Rest[0], r); err != nil {
			return err
		}
		r.Rest = r.Rest[1:]
	}
	t.failing = nil
	return nil
}

// handOver finds out whether the team is there, and puts what follows from that in the place of the hand-over. The outcome is pinned: the
// team may have come or gone by the next attempt.
func (t *turn) handOver(ctx context.Context, r *replay.Reply, h playbook.HandOver) error {
	there, err := t.chat.FindTeam(ctx, h.Team, h.Humans)
	if err != nil {
		return err
	}
	branch := h.Nobody
	if there {
		branch = h.Found()
	}
	in := r.In
	in.Kind, in.Found = playbook.Outcome, there
	t.memo.State = t.plan(t.memo.State, in).State
	done := r.Plan.Actions[:len(r.Plan.Actions)-len(r.Rest)]
	r.Rest = slices.Concat(branch, r.Rest[1:])
	r.Plan.Actions = slices.Concat(done, r.Rest)
	r.Plan.State = t.memo.State
	if len(r.Rest) == 0 {
		return nil
	}
	return t.pin(ctx, r)
}

// do carries out one action and notes what it has changed.
func (t *turn) do(ctx context.Context, a playbook.Action, r *replay.Reply) error {
	mark, err := t.chat.Do(ctx, a)
	if err != nil {
		return err
	}
	switch a := a.(type) {
	case playbook.Say:
		t.said(mark, r)
	case playbook.Invite:
		t.log.Info("invited", "team", a.Team, "rule", r.Plan.Rule)
	case playbook.Leave:
		t.memo.Role = chat.Left
		t.log.Info("left", "rule", r.Plan.Rule)
	case playbook.End:
		t.memo.Role = chat.Left
		t.log.Info("ended", "rule", r.Plan.Rule)
	case playbook.SetOnline:
		t.log.Info("online set", "online", a.Online, "rule", r.Plan.Rule)
	}
	return nil
}

// said notes a message that was sent.
func (t *turn) said(mark replay.Mark, r *replay.Reply) {
	t.report.Said++
	if mark.ID != "" {
		t.memo.Said = mark
		t.memo.addOwn(mark.ID)
	} else {
		t.memo.Blind = true
	}
	if r.Line.ID == "" && t.memo.Greeted == 0 {
		t.memo.Greeted = mark.At
	}
	t.log.Info("said", "rule", r.Plan.Rule, "message", mark.ID)
}

// pin stores the plan of a reply under the lease.
func (t *turn) pin(ctx context.Context, r *replay.Reply) error {
	if t.pins == nil {
		t.pins = pins{}
	}
	t.pins[r.Line.ID] = r.Plan
	b, err := json.Marshal(t.pins)
	if err != nil {
		return fmt.Errorf("pinning a plan: %w", err)
	}
	return t.lease.Keep(ctx, b)
}
