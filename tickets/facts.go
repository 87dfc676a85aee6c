package tickets

import (
	"time"

	"github.com/presage-pdm/presage/fleet"
)

// subject is everything the fleet knows of a device that matters to a ticket.
type subject struct {
	device fleet.Device
	region string
	facts  Facts
	need   Need
}

// look gathers what is known of a device and a component of it. A device that
// nobody described still gets its ticket.
func (d *Desk) look(tenant, device, component string, now time.Time) subject {
	var s subject
	part, declared := fleet.Component{ID: component}, false
	s.device, _ = d.cfg.Fleet.Device(tenant, device)
	model, _ := d.cfg.Fleet.Model(tenant, s.device.Model)
	site, placed := d.cfg.Fleet.Site(tenant, s.device.Site)
	customerID := s.device.Customer
	if customerID == "" {
		customerID = site.Customer
	}
	customer, _ := d.cfg.Fleet.Customer(tenant, customerID)
	for _, c := range model.Components {
		if c.ID == component {
			part, declared = c, true
		}
	}
	s.region = s.device.Region
	if s.region == "" {
		s.region = site.Region
	}
	s.facts = Facts{
		DeviceName:   s.device.Name,
		Model:        s.device.Model,
		ModelName:    model.Name,
		DeviceKind:   model.Kind,
		Firmware:     s.device.Firmware,
		Serial:       s.device.Serial,
		Site:         s.device.Site,
		SiteName:     site.Name,
		TimeZone:     site.TimeZone,
		Customer:     customerID,
		CustomerName: customer.Name,
		CustomerTier: customer.Tier,
		Language:     customer.Language,
		Purchased:    s.device.Purchased,
		Warranty:     warranty(s.device, now),
		Lat:          site.Lat,
		Lon:          site.Lon,
	}
	s.need = Need{
		Tenant:    tenant,
		Device:    device,
		Model:     s.device.Model,
		Component: component,
		Skill:     skill(part),
		Region:    s.region,
		Language:  customer.Language,
		Placed:    placed && (site.Lat != 0 || site.Lon != 0),
		Lat:       site.Lat,
		Lon:       site.Lon,
		// A component that the model does not list asks for nothing in particular.
		SkillOptional: !declared,
	}
	return s
}

// anyComponent is the component of a fault whose part is not known.
const anyComponent = "device"

// skill is the qualification that work on a component needs.
func skill(c fleet.Component) string {
	if c.Skill != "" {
		return c.Skill
	}
	if c.ID == anyComponent {
		return ""
	}
	return c.ID
}

// warranty is the verdict on a device's warranty at a time: its last day counts.
func warranty(d fleet.Device, at time.Time) string {
	switch {
	case d.Warranty.IsZero():
		return "unknown"
	case at.Before(d.Warranty.AddDate(0, 0, 1)):
		return "in"
	}
	return "out"
}
