package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/presage-pdm/presage/ingest/payload"
)

const (
	emqxConf  = "presage-emqx.conf"
	emqxUsers = "presage-users.csv"
	emqxRules = "presage-acl.conf"
)

// emqx writes the rules as EMQX 5 reads them: the bootstrap file of its built-in database, which takes
// the SHA-256 that Presage keeps, and the rules of a file authorizer, which are Erlang terms.
func (r *brokerRules) emqx(folder string) []brokerFile {
	return []brokerFile{
		{emqxConf, fmt.Sprintf(`# Written by presage broker config. Include it in emqx.conf of EMQX 5, in place of its own authentication and authorization.

authentication = [
  {
    mechanism = password_based
    backend = built_in_database
    user_id_type = username
    password_hash_algorithm {name = sha256, salt_position = disable}
    bootstrap_file = %q
    bootstrap_type = hash
  }
]

authorization {
  no_match = deny
  sources = [{type = file, enable = true, path = %q}]
}
`, filepath.Join(folder, emqxUsers), filepath.Join(folder, emqxRules))},
		{emqxUsers, r.emqxUsers()},
		{emqxRules, r.emqxRules()},
	}
}

func (r *brokerRules) emqxUsers() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{{"user_id", "password_hash", "salt", "is_superuser"}, {r.presage.name, r.presage.sha256, "", "false"}}
	for _, u := range r.users {
		rows = append(rows, []string{u.name, u.sha256, "", "false"})
	}
	_ = w.WriteAll(rows) // into memory
	return b.String()
}

func (r *brokerRules) emqxRules() string {
	var b strings.Builder
	rule := func(who, action string, topics []string) {
		quoted := make([]string, len(topics))
		for i, t := range topics {
			quoted[i] = erlangString(t)
		}
		fmt.Fprintf(&b, "{allow, %s, %s, [%s]}.\n", who, action, strings.Join(quoted, ", "))
	}
	user := func(name string) string { return "{username, " + erlangString(name) + "}" }
	b.WriteString("%% Written by presage broker config.\n\n%% Presage reads everything, and asks Sparkplug nodes for their birth.\n")
	rule(user(r.presage.name), "subscribe", r.reads)
	rule(user(r.presage.name), "publish", []string{payload.SparkplugCommands})
	b.WriteString("\n%% Gateways, and Sparkplug nodes with what is behind them.\n")
	for _, name := range slices.Sorted(maps.Keys(r.also)) {
		switch topics := r.also[name]; {
		case len(topics) == 0:
		case !plainASCII(name) || slices.ContainsFunc(topics, func(t string) bool { return !plainASCII(t) || strings.Contains(t, "${") }):
			r.notes = append(r.notes, fmt.Sprintf("device %s: its id, or that of a device that it speaks for, has letters that a rule of EMQX cannot hold", name))
		default:
			rule(user(name), "all", topics)
		}
	}
	b.WriteString("\n%% A device publishes to and reads its own topics.\n")
	own := make([]string, len(r.topics))
	for i, t := range r.topics {
		own[i] = strings.ReplaceAll(t, "{device}", "${username}")
	}
	rule("all", "all", own)
	b.WriteString("{deny, all}.\n")
	return b.String()
}

func plainASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// erlangString quotes a text as Erlang does.
func erlangString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
