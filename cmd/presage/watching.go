package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/ingest"
)

// watching is which detectors watch which device: the built-in catalogue, the
// layers that come with the command, and the operator's files on top.
type watching struct {
	*catalog.Plans
	layers map[string][]byte
	files  []string
	// replan makes every lane take its plans anew.
	replan func(ctx context.Context) error
}

// openCatalog reads the catalogue.
func (a *app) openCatalog(layers map[string][]byte) error {
	a.watching = &watching{layers: layers, files: a.settings.Catalog, replan: a.replan}
	c, err := a.watching.read()
	if err != nil {
		return err
	}
	a.watching.Plans = catalog.NewPlans(c, modelOf(a.directory))
	return nil
}

// modelOf looks the model and kind of a device up.
func modelOf(directory *fleet.Directory) catalog.Lookup {
	return func(tenant, id string) (model, kind string) {
		d, _ := directory.Device(tenant, id)
		m, _ := directory.Model(tenant, d.Model)
		return d.Model, m.Kind
	}
}

func (w *watching) read() (*catalog.Catalogue, error) {
	var layers []*catalog.Layer
	var errs []error
	add := func(name string, text []byte) {
		layer, err := catalog.Parse(name, text)
		errs = append(errs, err)
		layers = append(layers, layer)
	}
	for _, name := range slices.Sorted(maps.Keys(w.layers)) {
		add(name, w.layers[name])
	}
	for _, name := range w.files {
		text, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("detector catalogue: %w", err))
			continue
		}
		add(name, text)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return catalog.New(layers...)
}

// Effective implements web.Catalog.
func (w *watching) Effective(context.Context) ([]byte, error) { return w.Catalogue().Source(), nil }

// Reload implements web.Catalog: the catalogue in force stays when the new one is not valid.
func (w *watching) Reload(ctx context.Context) error {
	c, err := w.read()
	if err != nil {
		return err
	}
	w.Swap(c)
	return w.replan(ctx)
}

// replan makes every lane take its plans anew, between two batches. Lanes that
// have not begun yet begin with them.
func (a *app) replan(ctx context.Context) error {
	if !a.up.Load() {
		return nil
	}
	return a.lanes.Do(ctx, func(_ int, w ingest.Watcher) {
		w.(*detectors.Engine).SetPlans(a.watching)
	})
}

// reloadOnHangup reads the catalogue again at every signal until ctx ends.
func (a *app) reloadOnHangup(ctx context.Context, hangup <-chan os.Signal) {
	a.goPart("catalogue", func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangup:
			}
			if err := a.watching.Reload(ctx); err != nil {
				a.log.Error("catalogue not reloaded, the old one stays", "err", err)
			} else {
				a.log.Info("catalogue reloaded")
			}
		}
	})
}
