package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
)

type brokerCommand struct {
	Config brokerConfigCommand `cmd:"" help:"Write the files with which Mosquitto or EMQX lets the devices in, and each to its own topics alone."`
}

type brokerConfigCommand struct {
	settingsFlags
	For          string `help:"mosquitto (2.0) or emqx (5)." enum:"mosquitto,emqx" required:""`
	Out          string `help:"Folder that the files are written to; where they will lie on the broker's machine, too." type:"path" default:"." placeholder:"DIR"`
	User         string `help:"Name that Presage signs in with." default:"presage" placeholder:"NAME"`
	Certificates bool   `help:"Devices sign in with certificates: a TLS listener that demands them."`
}

// brokerRules is who may do what, for any broker.
type brokerRules struct {
	presage brokerUser
	reads   []string // filters that Presage reads
	// topics are what every device may publish to and read; {device} stands for its id.
	topics []string
	// users are the devices with a token, by name.
	users []brokerUser
	// also are further topics of single devices: of gateways and of Sparkplug nodes.
	also map[string][]string
	// notes tell what could not be expressed.
	notes []string
}

// brokerUser is a user name and its password, hashed in the two ways that brokers read.
type brokerUser struct{ name, sha256, mosquitto string }

// brokerFile is one file of a broker's configuration.
type brokerFile struct {
	name string
	text string
}

// Run writes the files, and prints the password of Presage when it made one.
func (c brokerConfigCommand) Run(ctx context.Context, std streams) error {
	s, err := c.load(std, nil)
	if err != nil {
		return err
	}
	store, err := openSQL(ctx, s, nil, newLogger(s.Log, std.err))
	if err != nil {
		return err
	}
	rules, err := rulesOf(ctx, s, store, c.User, time.Now())
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	password, err := c.signPresageIn(s, &rules)
	if err != nil {
		return err
	}
	var files []brokerFile
	if c.For == "mosquitto" {
		files = rules.mosquitto(c.Out, c.Certificates, s.MQTT)
	} else {
		files = rules.emqx(c.Out)
	}
	for _, f := range files {
		if err := replaceFile(filepath.Join(c.Out, f.name), []byte(f.text)); err != nil {
			return err
		}
		fmt.Fprintln(std.err, "wrote", filepath.Join(c.Out, f.name))
	}
	for _, note := range rules.notes {
		fmt.Fprintln(std.err, "note:", note)
	}
	if password != "" {
		fmt.Fprintf(std.out, "PRESAGE_MQTT_USERNAME=%s\nPRESAGE_MQTT_PASSWORD=%s\n", c.User, password)
	}
	return nil
}

// rulesOf reads the rules from the store and the settings.
func rulesOf(ctx context.Context, s Settings, store *sqlstore.Store, presage string, now time.Time) (brokerRules, error) {
	r := brokerRules{presage: brokerUser{name: presage}, topics: []string{"presage/v1/{device}/#"}, also: map[string][]string{}}
	formats := payload.DefaultConfig()
	formats.Patterns = s.MQTT.Topics
	decoder, err := payload.New(formats)
	if err != nil {
		return r, fmt.Errorf("mqtt.topics: %w", err)
	}
	r.reads = decoder.Filters()
	for _, p := range s.MQTT.Topics {
		if strings.Contains(p.Topic, "{device}") {
			r.topics = append(r.topics, strings.ReplaceAll(p.Topic, "{metric}", "+"))
		} else {
			r.notes = append(r.notes, fmt.Sprintf("topic %s: only the payload names the device, which a broker does not read: nobody may publish there", p.Topic))
		}
	}
	credentials, err := currentCredentials(ctx, store, now)
	if err != nil {
		return r, err
	}
	registered, err := store.Fleet(ctx, telemetry.DefaultTenant)
	if err != nil {
		return r, fmt.Errorf("read the fleet: %w", err)
	}
	known := map[string]bool{}
	for _, d := range registered.Devices {
		known[d.ID] = true
	}
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		if name == presage {
			return r, fmt.Errorf("a device is called %q, as Presage would be: choose another name with --user", name)
		}
		known[name] = true
		r.users = append(r.users, brokerUser{name, credentials[name].Hash, credentials[name].Mosquitto})
	}
	devices := slices.Sorted(maps.Keys(known))
	for _, name := range devices {
		r.also[name] = payload.SparkplugFilters(name)
	}
	for name, c := range credentials {
		if err := r.addGateway(name, c, devices); err != nil {
			return r, err
		}
	}
	return r, nil
}

// addGateway gives a gateway the topics of its devices. A broker cannot match the beginning of a level, so a
// beginning stands for the devices that are known now.
func (r *brokerRules) addGateway(name string, c access.DeviceCredential, known []string) error {
	scope, err := access.NewScope(c.Devices)
	if err != nil {
		return err
	}
	covered := map[string]bool{}
	for _, entry := range c.Devices {
		if strings.HasSuffix(entry, "*") {
			r.notes = append(r.notes, fmt.Sprintf("gateway %s speaks for %s: written for the devices that are known now, write the files again when there are more", name, entry))
		} else {
			covered[entry] = true
		}
	}
	for _, device := range known {
		if scope.Covers(device) {
			covered[device] = true
		}
	}
	delete(covered, name)
	for _, device := range slices.Sorted(maps.Keys(covered)) {
		for _, topic := range r.topics {
			r.also[name] = append(r.also[name], strings.ReplaceAll(topic, "{device}", device))
		}
		r.also[name] = append(r.also[name], payload.SparkplugFilters(device)...)
	}
	return nil
}

// signPresageIn gives Presage a password: the one that was written before, else that of the settings, else a new one, which is returned.
func (c brokerConfigCommand) signPresageIn(s Settings, r *brokerRules) (made string, err error) {
	if before, ok := writtenUser(filepath.Join(c.Out, userFile(c.For)), c.User); ok {
		r.presage = before
		return "", nil
	}
	password := s.MQTT.Password
	if password == "" {
		password = access.NewSecret()
		made = password
	}
	r.presage.sha256 = access.HashSecret(password)
	r.presage.mosquitto, err = access.MosquittoHash(password)
	return made, err
}

// userFile is the name of the file with the users of a broker.
func userFile(broker string) string {
	if broker == "emqx" {
		return emqxUsers
	}
	return mosquittoUsers
}

// writtenUser finds a user in a file that was written before.
func writtenUser(path, name string) (brokerUser, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return brokerUser{}, false
	}
	for line := range strings.Lines(string(text)) {
		if hash, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return brokerUser{name: name, mosquitto: hash}, true
		}
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) > 1 && fields[0] == name {
			return brokerUser{name: name, sha256: fields[1]}, true
		}
	}
	return brokerUser{}, false
}

// replaceFile writes a file as a whole, for its owner and group to read: the broker may read it at any time.
func replaceFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o640); err != nil {
		return err
	}
	return os.Rename(next, path)
}
