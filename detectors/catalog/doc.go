// Package catalog says which detectors watch which metric of which model, and
// what the faults they find are called.
//
// A catalogue is YAML. Layers lie on top of each other: first the built-in
// default, which covers every device also without a model, then the files of
// the operator in their order. Of two rules with the same id that cover a device,
// and of two descriptions of a fault code, the later layer counts; of the
// descriptions of a metric the last that matches counts.
//
//	version: 1
//	models:
//	  - match: {kind: vehicle, model: "ev-*"}   # globs; leave a key out to match all
//	    metrics:
//	      - {name: coolant_temp, unit: °C, component: cooling, min: -50, max: 200}
//	      - {name: odometer, unit: km, watch: rules}  # keep the statistical tier off it
//	    rules:
//	      - {id: coolant-hot, fault: coolant-overheat, metric: coolant_temp, limit: {above: 110, clear: 105, for: 30s}}
//	      - {id: fast-drain, fault: battery-drain, metric: soc, rate: {below: -5, per: 1m, for: 30s}}
//	      - {id: pump-runs-on, fault: pump-relay, metric: pump_on, duration: {equals: 1, longer: 2h}}
//	      - {id: crashes, fault: crash-loop, sequence: {event: crash, healthy: session_ok, count: 3}}
//	      - {id: drops, fault: wifi-loss, within: {event: wifi_drop, count: 5, window: 10m}}
//	      - {id: no-flow, fault: pump-cavitation, component: pump, expression: {when: "speed > 1000 && flow < 5", for: 20s}}
//	      - {id: flat, fault: sensor-stuck, metric: "*", stuck: {for: 10m}}
//	      - {id: impossible, fault: sensor-implausible, metric: "*", implausible: {}}
//	      - {id: quiet, fault: silence, silence: {factor: 10, at_least: 5m}}
//	      - {id: some-default, disabled: true}
//	faults:
//	  - code: coolant-overheat
//	    component: cooling
//	    severity: critical
//	    title: {en: Coolant too hot, de: Kühlmittel zu heiß, zh: 冷却液过热}
//	    parts: [thermostat, coolant pump]
//	    inhibits: [abnormal-behaviour]
package catalog
