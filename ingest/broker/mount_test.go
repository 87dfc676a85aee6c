package broker

import (
	"strings"
	"testing"
	"unicode/utf8"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// FuzzMount keeps tenants apart whatever their names and the filters are: a filter below a mount is taken off again, is as valid as it was, and
// matches nothing of another tenant.
func FuzzMount(f *testing.F) {
	for _, filter := range []string{"a/b", "#", "+/x", "$share/g/a/#", "$SHARE/g/+", "$share/g", "$share//x", "$SYS/#", "$share/g/$share/h/x", ""} {
		f.Add("acme", filter, "a/b")
		f.Add("a/b+#%", filter, "")
	}
	f.Fuzz(func(t *testing.T, tenant, filter, topic string) {
		// What a client writes is UTF-8, and a tenant is a name.
		if !utf8.ValidString(filter) || !utf8.ValidString(topic) || tenant == "" || !utf8.ValidString(tenant) || strings.ContainsAny(topic, "+#") {
			return
		}
		m := mount(tenant)
		mounted := mountFilter(m, filter)
		if got := unmountFilter(m, mounted); got != filter {
			t.Fatalf("%q below %q became %q, and %q again", filter, m, mounted, got)
		}
		if mqtt.IsValidFilter(mounted, false) && filter != "" && !mqtt.IsValidFilter(filter, false) && !mqtt.IsSharedFilter(filter) {
			t.Fatalf("%q is not valid, %q is", filter, mounted)
		}
		if got, ok := within(m, m+topic); !ok || got != topic {
			t.Fatalf("%q below %q became %q, %v", topic, m, got, ok)
		}
		other := mount(tenant + "2")
		if tenant != "default" {
			if _, ok := within(other, m+topic); ok {
				t.Fatalf("%q of %q is seen by %q", topic, tenant, tenant+"2")
			}
			if _, ok := within("", m+topic); ok {
				t.Fatalf("%q of %q is seen by the default tenant", topic, tenant)
			}
		}
	})
}
