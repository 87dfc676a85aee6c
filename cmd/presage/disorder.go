package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/detectors"
)

// disorderMetrics returns what the detection of all lanes counts about messages out of order, and shows it.
func disorderMetrics(r prometheus.Registerer) *detectors.Counts {
	counts := new(detectors.Counts)
	with := promauto.With(r)
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presage", Subsystem: "detect", Name: "held",
		Help: "Readings and events that wait to be judged in the order of their times.",
	}, func() float64 { return float64(counts.Held.Load()) })
	with.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "presage", Subsystem: "detect", Name: "reordered_total",
		Help: "Readings and events that were judged before others that had come earlier.",
	}, func() float64 { return float64(counts.Reordered.Load()) })
	with.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "presage", Subsystem: "detect", Name: "late_total",
		Help: "Readings and events that came when newer ones of their kind had been judged.",
	}, func() float64 { return float64(counts.Late.Load()) })
	return counts
}
