package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/presage-pdm/presage/ingest/payload"
)

const (
	mosquittoConf  = "presage.conf"
	mosquittoUsers = "presage.passwd"
	mosquittoRules = "presage.acl"
)

// mosquitto writes the rules as Mosquitto 2.0 reads them: mosquitto.conf(5) and the formats of its
// password_file and acl_file.
func (r *brokerRules) mosquitto(folder string, certificates bool, s MQTTSettings) []brokerFile {
	return []brokerFile{
		{mosquittoConf, r.mosquittoConf(folder, certificates, s)},
		{mosquittoUsers, r.mosquittoPasswords()},
		{mosquittoRules, r.mosquittoACL()},
	}
}

func (r *brokerRules) mosquittoConf(folder string, certificates bool, s MQTTSettings) string {
	or := func(path, otherwise string) string {
		if path == "" {
			return otherwise
		}
		return path
	}
	certificate, key := or(s.TLSCertificate, "/etc/mosquitto/server.pem"), or(s.TLSKey, "/etc/mosquitto/server.key")
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by presage broker config. Put it, or a line "include_dir %s", into the configuration of
# Mosquitto 2.0 beside the options of deploy/mosquitto.conf that keep messages. Mosquitto reads users and rules again on SIGHUP.

allow_anonymous false
password_file %s
acl_file %s

`, folder, filepath.Join(folder, mosquittoUsers), filepath.Join(folder, mosquittoRules))
	if certificates {
		fmt.Fprintf(&b, `# Devices: the common name of the certificate is the user name.
listener 8883
certfile %s
keyfile %s
cafile %s
require_certificate true
use_identity_as_username true

# Presage, with its password, on the same machine.
listener 1883 127.0.0.1
`, certificate, key, or(s.ClientCA, "/etc/mosquitto/device-ca.pem"))
		return b.String()
	}
	fmt.Fprintf(&b, `# Devices: the user name is the device id, the password its token. Without TLS the tokens can be read on the way.
listener 1883
#listener 8883
#certfile %s
#keyfile %s
`, certificate, key)
	return b.String()
}

// mosquittoPasswords is one line for each user. A name cannot hold a colon there.
func (r *brokerRules) mosquittoPasswords() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s\n", r.presage.name, r.presage.mosquitto)
	for _, u := range r.users {
		if strings.Contains(u.name, ":") {
			r.notes = append(r.notes, fmt.Sprintf("device %s: a user name of Mosquitto cannot hold a colon: give it a certificate", u.name))
			continue
		}
		fmt.Fprintf(&b, "%s:%s\n", u.name, u.mosquitto)
	}
	return b.String()
}

func (r *brokerRules) mosquittoACL() string {
	var b strings.Builder
	b.WriteString("# Written by presage broker config.\n\n# Presage reads everything, and asks Sparkplug nodes for their birth.\n")
	fmt.Fprintf(&b, "user %s\n", r.presage.name)
	for _, filter := range r.reads {
		fmt.Fprintf(&b, "topic read %s\n", filter)
	}
	fmt.Fprintf(&b, "topic write %s\n", payload.SparkplugCommands)
	for _, name := range slices.Sorted(maps.Keys(r.also)) {
		if len(r.also[name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\nuser %s\n", name)
		for _, topic := range r.also[name] {
			fmt.Fprintf(&b, "topic readwrite %s\n", topic)
		}
	}
	b.WriteString("\n# A device publishes to and reads its own topics; %u is its user name.\n")
	for _, topic := range r.topics {
		fmt.Fprintf(&b, "pattern readwrite %s\n", strings.ReplaceAll(topic, "{device}", "%u"))
	}
	return b.String()
}
