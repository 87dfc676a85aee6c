package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/tickets"
)

// putDevice writes what imports and registrations know of a device and leaves
// alone how the device is.
const putDevice = `INSERT INTO devices (tenant, id, name, name_key, model, site, region, served_region, customer, serial, batch,
		firmware, criticality, purchased, warranty, attributes, registered, retired,
		last_seen, online, open_tickets, worst, silent, health)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, NULL, 0, -1, $20, $21)
	ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, model = excluded.model,
		site = excluded.site, region = excluded.region, served_region = excluded.served_region, customer = excluded.customer,
		serial = excluded.serial, batch = excluded.batch,
		firmware = CASE WHEN excluded.firmware = '' THEN devices.firmware ELSE excluded.firmware END,
		criticality = excluded.criticality, purchased = excluded.purchased, warranty = excluded.warranty,
		attributes = excluded.attributes, retired = excluded.retired`

// scopeList is the scope of words by which devices are found in lists.
const scopeList = "device-list"

// putDevices stores devices, new or known.
func (s *Store) putDevices(ctx context.Context, tx *transaction, tenant string, devices []fleet.Device, now time.Time) error {
	regions, err := s.siteRegions(ctx, tx, tenant)
	if err != nil {
		return err
	}
	customers, err := s.names(ctx, tx, tenant, kindCustomer)
	if err != nil {
		return err
	}
	// In one order, so that transactions do not wait for each other in a ring.
	devices = slices.SortedFunc(slices.Values(devices), func(a, b fleet.Device) int { return strings.Compare(a.ID, b.ID) })
	for _, d := range devices {
		attributes, err := toJSON(d.Attributes)
		if err != nil {
			return err
		}
		served := d.Region
		if served == "" {
			served = regions[d.Site]
		}
		registered := d.Registered
		if registered.IsZero() {
			registered = now
		}
		_, err = tx.ExecContext(ctx, putDevice, tenant, d.ID, clean(d.Name), strings.ToLower(clean(d.Name)), d.Model, d.Site, d.Region, served,
			d.Customer, clean(d.Serial), clean(d.Batch), clean(d.Firmware), d.Criticality, stamp(d.Purchased), stamp(d.Warranty), attributes,
			moment(registered), d.Retired, neverSeen, false, healthRank(fleet.HealthUnknown))
		if err != nil {
			return fmt.Errorf("device %s: %w", d.ID, err)
		}
		if err := s.enterWords(ctx, tx, tenant, scopeList, d.ID, d.ID, d.Name, d.Serial, customers[d.Customer]); err != nil {
			return fmt.Errorf("device %s: %w", d.ID, err)
		}
		// It may have been heard of, and have tickets, before anybody described it.
		if err := s.adoptState(ctx, tx, tenant, d.ID); err != nil {
			return fmt.Errorf("device %s: %w", d.ID, err)
		}
	}
	return nil
}

// RegisterDevice makes a device known that nobody described. It changes nothing
// for a device that is known already, and returns the device as it is stored.
func (s *Store) RegisterDevice(ctx context.Context, tenant, id string) (fleet.Device, error) {
	d := fleet.Device{ID: id, Registered: moment(time.Now())}
	err := s.transact(ctx, "register device "+id, func(tx *transaction) error {
		known, err := s.device(ctx, tx, tenant, id)
		if err == nil {
			d = known
			return nil
		}
		if err != sql.ErrNoRows {
			return err
		}
		return s.putDevices(ctx, tx, tenant, []fleet.Device{d}, d.Registered)
	})
	return d, err
}

func (s *Store) device(ctx context.Context, q querier, tenant, id string) (fleet.Device, error) {
	return scanDevice(q.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE tenant = $1 AND id = $2`, tenant, id))
}

const deviceColumns = `id, name, model, site, region, customer, serial, batch, firmware, criticality, purchased, warranty,
	attributes, registered, retired`

func scanDevice(r row, more ...any) (d fleet.Device, err error) {
	err = r.Scan(append([]any{&d.ID, &d.Name, &d.Model, &d.Site, &d.Region, &d.Customer, &d.Serial, &d.Batch, &d.Firmware,
		&d.Criticality, into(&d.Purchased), into(&d.Warranty), document(&d.Attributes), into(&d.Registered), &d.Retired}, more...)...)
	return d, err
}

// selectViews reads what scanView needs, with the documents that hold the names
// behind a device's identifiers. Its verb is the condition, order and limit of the devices.
var selectViews = `SELECT d.` + strings.ReplaceAll(strings.Join(strings.Fields(deviceColumns), " "), ", ", ", d.") + `,
		d.served_region, d.last_seen, d.online, d.open_tickets, d.health, m.body, s.body, r.body, c.name
	FROM (SELECT * FROM devices WHERE %s) d
	LEFT JOIN fleet_documents m ON m.tenant = d.tenant AND m.kind = 'model' AND m.id = d.model
	LEFT JOIN fleet_documents s ON s.tenant = d.tenant AND s.kind = 'site' AND s.id = d.site
	LEFT JOIN fleet_documents r ON r.tenant = d.tenant AND r.kind = 'region' AND r.id = d.served_region
	LEFT JOIN fleet_documents c ON c.tenant = d.tenant AND c.kind = 'customer' AND c.id = d.customer`

func scanView(r row) (v fleet.DeviceView, err error) {
	var (
		served   string
		online   sql.NullBool
		lastSeen time.Time
		health   int
		model    fleet.Model
		site     fleet.Site
		region   fleet.Region
		customer sql.NullString
	)
	v.Device, err = scanDevice(r, &served, into(&lastSeen), &online, &v.OpenTickets, &health,
		document(&model), document(&site), document(&region), &customer)
	if err != nil {
		return v, err
	}
	v.Region = served
	if online.Valid {
		v.Online = &online.Bool
	}
	if lastSeen.After(neverSeen) {
		v.LastSeen = lastSeen
	}
	if all := fleet.Healths(); health >= 0 && health < len(all) {
		v.Health = all[health]
	}
	v.ModelName, v.Kind, v.SiteName, v.TimeZone = model.Name, model.Kind, site.Name, site.TimeZone
	v.RegionName, v.CustomerName = region.Name, customer.String
	return v, nil
}

// Device returns one device as lists show it. Its Region is the one it is
// served in, which may be that of its site.
func (s *Store) Device(ctx context.Context, tenant, id string) (fleet.DeviceView, error) {
	v, err := scanView(s.read.QueryRowContext(ctx, fmt.Sprintf(selectViews, `tenant = $1 AND id = $2`), tenant, clean(id)))
	return v, s.fail(ctx, "read device "+id, err)
}

// Devices returns a page of devices, without the retired ones.
func (s *Store) Devices(ctx context.Context, tenant string, f fleet.DeviceFilter) (fleet.DevicePage, error) {
	const op = "list devices"
	page := fleet.DevicePage{Devices: []fleet.DeviceView{}}
	w, err := whereDevices(tenant, f)
	if err != nil {
		return page, err
	}
	counting := w.String()
	if f.Text == "" {
		// Compared, the column is one that an index can look up: right for counting all,
		// wrong for the orders of the list and for the few that a text finds.
		counting = strings.Replace(counting, notRetired, "retired = FALSE", 1)
	}
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM devices WHERE `+counting, w.args...).Scan(&page.Total)
	if err != nil {
		return page, s.fail(ctx, op, err)
	}
	if f.Sort == "" {
		f.Sort = "health"
	}
	order, ok := map[string]string{
		"health": "health, id", "id": "id", "name": "name_key, id", "last_seen": "last_seen DESC, id DESC",
	}[f.Sort]
	if !ok {
		return page, fmt.Errorf("%w: cannot sort devices by %q: use health, id, name or last_seen", tickets.ErrBadFilter, f.Sort)
	}
	if f.Cursor != "" {
		if err := continueDevices(w, f); err != nil {
			return page, err
		}
	}
	limit := pageSize(f.Limit, 50, 500)
	within := fmt.Sprintf("%s ORDER BY %s LIMIT %d", w, order, limit+1)
	page.Devices, err = collect(ctx, s.read, scanView, fmt.Sprintf(selectViews, within)+" ORDER BY d."+strings.ReplaceAll(order, ", ", ", d."), w.args...)
	if err != nil {
		return page, s.fail(ctx, op, err)
	}
	if page.Devices == nil {
		page.Devices = []fleet.DeviceView{}
	}
	if len(page.Devices) > limit {
		page.Devices = page.Devices[:limit]
		page.Next = deviceCursor(f.Sort, &page.Devices[limit-1]).String()
	}
	return page, nil
}

const notRetired = "NOT retired"

// whereDevices is the condition of a filter, without its cursor.
func whereDevices(tenant string, f fleet.DeviceFilter) (*where, error) {
	if most := max(len(f.Model), len(f.Region), len(f.Site), len(f.Customer)); most > maxChoices {
		return nil, fmt.Errorf("%w: %d alternatives in one field, at most %d are allowed", tickets.ErrBadFilter, most, maxChoices)
	}
	w := newWhere(tenant)
	w.plain(notRetired)
	oneOf(w, "model", f.Model)
	oneOf(w, "served_region", f.Region)
	oneOf(w, "site", f.Site)
	oneOf(w, "customer", f.Customer)
	if len(f.Health) > 0 {
		var ranks []string
		for _, h := range f.Health {
			rank := healthRank(h)
			if rank < 0 {
				return nil, fmt.Errorf("%w: unknown health %q: use one of %v", tickets.ErrBadFilter, h, fleet.Healths())
			}
			ranks = append(ranks, fmt.Sprint(rank))
		}
		w.plain("health IN (" + strings.Join(ranks, ", ") + ")")
	}
	words := queryWords(f.Text)
	for _, word := range words {
		w.plain(fmt.Sprintf("id IN (SELECT ref FROM words WHERE tenant = $1 AND scope = '%s' AND word >= %s AND word < %s)",
			scopeList, w.param(word), w.param(after(word))))
	}
	if len(words) == 0 && strings.TrimSpace(f.Text) != "" {
		w.plain("1 = 0") // nothing but punctuation
	}
	return w, nil
}

func deviceCursor(sort string, v *fleet.DeviceView) cursor {
	c := cursor{Sort: sort, Texts: []string{v.ID}}
	switch sort {
	case "health":
		c.Ints = []int64{int64(healthRank(v.Health))}
	case "name":
		c.Texts = append(c.Texts, strings.ToLower(v.Name))
	case "last_seen":
		seen := v.LastSeen
		if seen.IsZero() {
			seen = neverSeen
		}
		c.Times = []time.Time{seen}
	}
	return c
}

// continueDevices adds the condition that a device comes behind the cursor.
func continueDevices(w *where, f fleet.DeviceFilter) error {
	times, ints, texts := 0, 0, 1
	switch f.Sort {
	case "health":
		ints = 1
	case "name":
		texts = 2
	case "last_seen":
		times = 1
	}
	c, err := parseCursor(f.Cursor, f.Sort, times, ints, texts)
	if err != nil {
		return err
	}
	switch f.Sort {
	case "health":
		w.add("(health, id) > ", c.Ints[0], c.Texts[0])
	case "id":
		w.add("id > ", c.Texts[0])
	case "name":
		w.add("(name_key, id) > ", c.Texts[1], c.Texts[0])
	case "last_seen":
		w.add("(last_seen, id) < ", moment(c.Times[0]), c.Texts[0])
	}
	return nil
}
