package web

import (
	"slices"

	"github.com/presage-pdm/presage/fleet/access"
)

// permission says who may use an operation.
type permission struct {
	public bool // also who is not signed in
	roles  []access.Role
}

func (p permission) allows(role access.Role) bool { return p.public || slices.Contains(p.roles, role) }

// permissions is the one table of who may do what, by operation. The workflow of
// a ticket narrows further what may be done to it, by role, stage and assignee. An operation
// that is missing here cannot be registered.
func permissions() map[string]permission {
	var (
		anyone   = permission{public: true}
		everyone = permission{roles: access.Roles()}
		menders  = permission{roles: []access.Role{access.Technician, access.Dispatcher, access.Planner, access.Admin}}
		desk     = permission{roles: []access.Role{access.Dispatcher, access.Admin}}
		overseer = permission{roles: []access.Role{access.Dispatcher, access.Planner, access.Admin}}
		planning = permission{roles: []access.Role{access.Planner, access.Admin}}
		admin    = permission{roles: []access.Role{access.Admin}}
	)
	return map[string]permission{
		"get-liveness":  anyone,
		"get-readiness": anyone,
		"sign-in":       anyone,
		"set-up":        anyone,
		"sign-out":      anyone, // who has no session has nothing to end

		"get-me":           everyone,
		"update-me":        everyone,
		"list-devices":     everyone,
		"get-device":       everyone,
		"get-series":       everyone,
		"get-band":         everyone,
		"list-events":      everyone,
		"get-fleet":        everyone,
		"list-maintenance": everyone,
		"get-maintenance":  everyone,
		"list-models":      everyone,
		"list-regions":     everyone,
		"list-stations":    everyone,
		"list-technicians": everyone,
		"list-workflows":   everyone,
		"list-tickets":     everyone,
		"count-tickets":    everyone,
		"get-ticket":       everyone,
		"get-diagnosis":    everyone,
		"get-history":      everyone,
		"list-findings":    everyone,
		"list-detectors":   everyone,
		"get-catalog":      everyone,
		"get-about":        everyone,
		"get-demo":         everyone,
		"stream":           everyone,
		"query-promql":     everyone,
		"get-metrics":      everyone,

		"transition-ticket": menders,
		"comment-ticket":    menders,
		"assign-ticket":     menders, // technicians may take a ticket, where its stage lets them
		"inject-fault":      desk,

		"create-maintenance": overseer,
		"change-maintenance": overseer,
		"end-maintenance":    overseer,

		"list-detector-tickets": everyone,
		"set-detector-stage":    planning,
		"set-detector-level":    planning,

		"get-profile":       admin,
		"list-failures":     overseer,
		"list-notices":      overseer,
		"put-failures":      overseer,
		"list-quarantine":   overseer,
		"retry-quarantine":  admin,
		"delete-quarantine": admin,
		"list-deliveries":   admin,
		"retry-delivery":    admin,
		"reload-catalog":    admin,
		"list-users":        admin,
		"create-user":       admin,
		"update-user":       admin,
		"list-tokens":       admin,
		"create-token":      admin,
		"delete-token":      admin,

		"list-device-credentials":   admin,
		"issue-device-credential":   admin,
		"rotate-device-credentials": admin,
		"revoke-device-credential":  admin,
	}
}

// mayOf lists the operations that a role may use, in alphabetical order.
func mayOf(table map[string]permission, role access.Role) []string {
	var may []string
	for id, p := range table {
		if p.allows(role) {
			may = append(may, id)
		}
	}
	slices.Sort(may)
	return may
}
