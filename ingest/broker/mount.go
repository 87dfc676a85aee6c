package broker

import (
	"strings"

	"github.com/presage-pdm/presage/telemetry"
)

// mountMark begins the topics of tenants other than the default one within the
// broker: "$\xff{tenant}/{topic}". No client can write it, since 0xff is not
// UTF-8, which the broker demands of every topic and filter.
const mountMark = "$\xff"

// mount is the prefix of a tenant's topics.
func mount(tenant string) string {
	if tenant == telemetry.DefaultTenant {
		return ""
	}
	return mountMark + strings.NewReplacer("/", "%2F", "%", "%25", "+", "%2B", "#", "%23").Replace(tenant) + "/"
}

// within tells whether a topic within the broker belongs to a mount, and returns it as the client knows it.
func within(mount, topic string) (string, bool) {
	if mount == "" {
		return topic, !strings.HasPrefix(topic, mountMark)
	}
	return strings.CutPrefix(topic, mount)
}

// mountFilter is a client's filter within the broker; of a shared
// subscription, "$share/{group}/{filter}", the filter behind the group.
func mountFilter(mount, filter string) string {
	if mount == "" {
		return filter
	}
	if len(filter) > 7 && strings.EqualFold(filter[:7], "$share/") {
		group, rest, ok := strings.Cut(filter[7:], "/")
		if ok {
			return filter[:7] + group + "/" + mount + rest
		}
	}
	return mount + filter
}

// unmountFilter undoes mountFilter.
func unmountFilter(mount, filter string) string {
	return strings.Replace(filter, mount, "", 1)
}

// sessionID is the client identifier within the broker. It holds whose the
// connection is, so that nobody takes over the session of another tenant, or
// of a device that is not his; nor one in which messages wait for devices that a gateway spoke for once.
func sessionID(id Identity, client string) string {
	if id.Tenant == telemetry.DefaultTenant && id.Device == "" {
		return client
	}
	return mountMark + id.Tenant + "\xff" + id.Device + "\xff" + id.Devices.Fingerprint() + "\xff" + client
}
