package sqlstore

import (
	"context"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

// Cells sums up the devices, without the retired ones, by model and region, in
// the order of both; now ends the history of the cells.
func (s *Store) Cells(ctx context.Context, tenant string, now time.Time) ([]fleet.Cell, error) {
	const op = "sum up the fleet"
	cells, err := collect(ctx, s.read, func(r row) (c fleet.Cell, err error) {
		err = r.Scan(&c.Model, &c.Region, &c.Devices, &c.Unhealthy, &c.Silent, &c.OpenTickets)
		c.History = make([]int, fleet.HistoryDays)
		return c, err
	}, `SELECT model, served_region, COUNT(*), SUM(CASE WHEN open_tickets > 0 THEN 1 ELSE 0 END),
			SUM(CASE WHEN silent THEN 1 ELSE 0 END), SUM(open_tickets)
		FROM devices WHERE tenant = $1 AND retired = FALSE GROUP BY model, served_region ORDER BY model, served_region`, tenant)
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	models, err := s.Models(ctx, tenant)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]fleet.Model, len(models))
	for _, m := range models {
		byID[m.ID] = m
	}
	regions, err := s.names(ctx, s.read, tenant, kindRegion)
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	place := make(map[[2]string]int, len(cells))
	for i := range cells {
		c := &cells[i]
		c.ModelName, c.Kind, c.RegionName = byID[c.Model].Name, byID[c.Model].Kind, regions[c.Region]
		place[[2]string{c.Model, c.Region}] = i
	}
	last := openedDay(now)
	rows, err := s.read.QueryContext(ctx, `SELECT opened_day, model, region, COUNT(*) FROM tickets
		WHERE tenant = $1 AND opened_day > $2 AND opened_day <= $3 GROUP BY opened_day, model, region`, tenant, last-fleet.HistoryDays, last)
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	defer rows.Close()
	for rows.Next() {
		var day, n int
		var model, region string
		if err := rows.Scan(&day, &model, &region, &n); err != nil {
			return nil, s.fail(ctx, op, err)
		}
		// Tickets of a model that has no device in the region any more have no cell.
		if i, ok := place[[2]string{model, region}]; ok {
			cells[i].History[fleet.HistoryDays-1-(last-day)] += n
		}
	}
	if cells == nil {
		cells = []fleet.Cell{}
	}
	return cells, s.fail(ctx, op, rows.Err())
}
