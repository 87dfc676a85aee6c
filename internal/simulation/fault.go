package simulation

import (
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// Kind is a way in which a device breaks.
type Kind string

// The kinds. Levels are those of [Fault].
const (
	// CoolantLeak: a combustion engine loses coolant, 70 % of it at level 1. Below two thirds it runs hot.
	CoolantLeak Kind = "coolant-leak"
	// CellImbalance: one cell of a traction battery ages faster, the spread of cell voltages grows by 110 mV.
	CellImbalance Kind = "cell-imbalance"
	// MotorBearingWear: a bearing of a traction motor; vibration grows by 6 mm/s, temperature by 20 K.
	MotorBearingWear Kind = "motor-bearing-wear"
	// ChargerFault: capacitors of an on-board charger dry out, ripple grows by 160 mV and it runs 40 K hotter.
	ChargerFault Kind = "charger-fault"
	// CrashLoop: the software of a TV crashes again and again and completes no session.
	CrashLoop Kind = "crash-loop"
	// BacklightAgeing: light-emitting diodes fade by 45 % although the driver gives them a quarter more current.
	BacklightAgeing Kind = "backlight-ageing"
	// WiFiLoss: the signal falls by 34 dB, packets are lost.
	WiFiLoss Kind = "wifi-loss"
	// Cavitation: suction pressure falls by 70 kPa, bubbles collapse: vibration, noise, less flow.
	Cavitation Kind = "cavitation"
	// SealLeak: a mechanical seal lets 60 ml/h more through and discharge pressure sags.
	SealLeak Kind = "seal-leak"
	// BearingWear: a bearing of a pump or compressor. High-frequency shocks come first, then vibration, then heat.
	BearingWear Kind = "bearing-wear"
	// StuckSensor: the bearing temperature sensor repeats its last reading to the last digit.
	StuckSensor Kind = "stuck-sensor"
)

// trait is what is declared of a kind.
type trait struct {
	kind      Kind
	class     class
	component string
	code      string
	title     tickets.Text
	patience  float64 // of the customer: multiplies Config.ToCall; 0 means 1
}

// traits lists the kinds in the order in which live operation goes through them.
var traits = []trait{
	{CoolantLeak, combustion, "cooling", "coolant-leak", tickets.Text{"en": "Coolant leak", "de": "Kühlmittelverlust", "zh": "冷却液泄漏"}, 0},
	{CrashLoop, tv, "software", detectors.FaultCrashLoop, tickets.Text{"en": "Crashes again and again", "de": "Stürzt immer wieder ab", "zh": "反复崩溃"}, 0},
	{SealLeak, pump, "seal", "seal-leak", tickets.Text{"en": "Seal leak", "de": "Dichtung undicht", "zh": "密封泄漏"}, 0},
	{CellImbalance, electric, "battery", "cell-imbalance", tickets.Text{"en": "Battery cells out of balance", "de": "Batteriezellen unausgeglichen", "zh": "电池单体不均衡"}, 0},
	{WiFiLoss, tv, "wifi", "wifi-loss", tickets.Text{"en": "Wi-Fi reception lost", "de": "WLAN-Empfang bricht ein", "zh": "无线信号丢失"}, 0},
	{BearingWear, machine, "bearing", "bearing-wear", tickets.Text{"en": "Bearing wear", "de": "Lagerverschleiß", "zh": "轴承磨损"}, 0},
	{MotorBearingWear, electric, "motor", "bearing-wear", tickets.Text{"en": "Motor bearing wear", "de": "Motorlager verschlissen", "zh": "电机轴承磨损"}, 0},
	{Cavitation, pump, "impeller", "cavitation", tickets.Text{"en": "Pump cavitates", "de": "Pumpe kavitiert", "zh": "泵气蚀"}, 0},
	{BacklightAgeing, tv, "backlight", "backlight-ageing", tickets.Text{"en": "Backlight is ageing", "de": "Hintergrundbeleuchtung altert", "zh": "背光老化"}, 0},
	{ChargerFault, electric, "charger", "charger-fault", tickets.Text{"en": "On-board charger failing", "de": "Bordlader fällt aus", "zh": "车载充电机故障"}, 0},
	{StuckSensor, machine, "bearing", detectors.FaultStuck, tickets.Text{"en": "Sensor is stuck", "de": "Sensor hängt fest", "zh": "传感器卡死"}, 3},
}

// Kinds lists every kind that can be injected.
func Kinds() []Kind {
	kinds := make([]Kind, len(traits))
	for i, t := range traits {
		kinds[i] = t.kind
	}
	return kinds
}

// Title returns a kind in plain words, by language; nil for an unknown kind.
func (k Kind) Title() tickets.Text {
	if t := k.trait(); t != nil {
		return t.title
	}
	return nil
}

func (k Kind) trait() *trait {
	for i := range traits {
		if traits[i].kind == k {
			return &traits[i]
		}
	}
	return nil
}

// Fault is a fault as it was declared: the truth that tickets are held against.
type Fault struct {
	ID        string       `json:"id"` // "F-0001", counting up
	Kind      Kind         `json:"kind"`
	Device    string       `json:"device"`
	Model     string       `json:"model"`
	Component string       `json:"component"`
	FaultCode string       `json:"fault_code"`
	Title     tickets.Text `json:"title"`
	// InjectedAt is when it begins and its level is 0.
	InjectedAt time.Time `json:"injected_at"`
	// ExpectedCallAt is when the level is 1 and the simulated customer would call.
	ExpectedCallAt time.Time `json:"expected_call_at"`
	// RepairedAt is when the device is well again.
	RepairedAt time.Time `json:"repaired_at"`
	// Past marks a fault of the history.
	Past bool `json:"past,omitempty"`
}

// Level tells how bad the fault is: 0 before it begins and after the repair, 1
// when the customer would call, growing in proportion to time.
func (f *Fault) Level(at time.Time) float64 {
	if at.Before(f.InjectedAt) || !at.Before(f.RepairedAt) {
		return 0
	}
	return float64(at.Sub(f.InjectedAt)) / float64(f.ExpectedCallAt.Sub(f.InjectedAt))
}
