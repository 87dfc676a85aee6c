package web

import (
	"context"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
)

// QuarantinePage is a page of payloads that could not be read, newest first.
type QuarantinePage struct {
	Entries []QuarantineEntry `json:"entries"`
	Next    string            `json:"next,omitempty"`
	// Kept counts all payloads of the quarantine, Dropped those that gave way to newer ones since ever.
	Kept    int `json:"kept"`
	Dropped int `json:"dropped"`
}

// QuarantineEntry is one payload that could not be read.
type QuarantineEntry struct {
	ID        string    `json:"id"`
	Device    string    `json:"device,omitempty"`
	Topic     string    `json:"topic"`
	ArrivedAt time.Time `json:"arrived_at"`
	Reason    string    `json:"reason"` // a slug such as "malformed-json"
	Detail    string    `json:"detail"`
	// Text is the payload when it is text, Bytes when it is not; one of them is set. Both are cut at [maxPayloadShown].
	Text  string `json:"text,omitempty"`
	Bytes []byte `json:"bytes,omitempty"`
	Size  int    `json:"size"` // of the payload as it was kept
	// Truncated payloads were cut when they were kept: a retry cannot succeed.
	Truncated bool `json:"truncated,omitempty"`
}

// maxPayloadShown bounds what the list shows of one payload, in bytes.
const maxPayloadShown = 4096

type quarantinePath struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

type quarantineQuery struct{ Paging }

func (s *Server) quarantineRoutes() {
	handle(s, operation{id: "list-quarantine", method: "GET", path: "/api/v1/quarantine", summary: "Payloads that could not be read", tag: "quarantine"}, s.listQuarantine)
	handle(s, operation{id: "retry-quarantine", method: "POST", path: "/api/v1/quarantine/{id}/retry", summary: "Put a payload through the intake again", tag: "quarantine", status: http.StatusNoContent},
		func(ctx context.Context, who access.Principal, in *quarantinePath) (*none, error) {
			if err := s.cfg.Quarantine.Retry(ctx, who.Tenant, in.ID); err != nil {
				return nil, fmt.Errorf("retry payload %s: %w", in.ID, err)
			}
			return nil, nil
		})
	handle(s, operation{id: "delete-quarantine", method: "DELETE", path: "/api/v1/quarantine/{id}", summary: "Throw a payload away", tag: "quarantine", status: http.StatusNoContent},
		func(ctx context.Context, who access.Principal, in *quarantinePath) (*none, error) {
			if err := s.cfg.Quarantine.DeleteQuarantined(ctx, who.Tenant, in.ID); err != nil {
				return nil, fmt.Errorf("delete payload %s: %w", in.ID, err)
			}
			return nil, nil
		})
}

func (s *Server) listQuarantine(ctx context.Context, who access.Principal, in *quarantineQuery) (*body[QuarantinePage], error) {
	found, next, err := s.cfg.Quarantine.Quarantined(ctx, who.Tenant, in.Cursor, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	kept, dropped, err := s.cfg.Quarantine.QuarantineSize(ctx, who.Tenant)
	if err != nil {
		return nil, fmt.Errorf("count quarantine: %w", err)
	}
	out := QuarantinePage{Entries: make([]QuarantineEntry, 0, len(found)), Next: next, Kept: kept, Dropped: dropped}
	for i := range found {
		out.Entries = append(out.Entries, quarantineEntry(&found[i]))
	}
	return answer(out), nil
}

func quarantineEntry(q *telemetry.Quarantined) QuarantineEntry {
	e := QuarantineEntry{
		ID: q.ID, Device: q.Device, Topic: q.Topic, ArrivedAt: time.UnixMilli(q.Arrival).UTC(),
		Reason: q.Reason, Detail: q.Detail, Size: len(q.Payload), Truncated: q.Truncated,
	}
	shown := q.Payload[:min(len(q.Payload), maxPayloadShown)]
	if utf8.Valid(q.Payload) {
		for !utf8.Valid(shown) {
			shown = shown[:len(shown)-1]
		}
		e.Text = string(shown)
	} else {
		e.Bytes = shown
	}
	return e
}
