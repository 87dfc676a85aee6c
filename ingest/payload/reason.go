package payload

import (
	"fmt"

	"github.com/presage-pdm/presage/ingest"
)

// The reasons for which a message is refused. They are stable: they label a
// metric, and people filter the quarantine by them. Package ingest has more, for
// what is readable and yet cannot be taken.
const (
	ReasonEmpty             = "empty-payload"
	ReasonInvalidUTF8       = "invalid-utf8"
	ReasonMalformedJSON     = "malformed-json"
	ReasonMalformedCBOR     = "malformed-cbor"
	ReasonMalformedProtobuf = "malformed-protobuf"
	ReasonTooDeep           = "nested-too-deep"
	ReasonWrongType         = "wrong-type"
	ReasonNotFinite         = "not-finite"
	ReasonNoValues          = "no-values"
	ReasonBadTime           = "bad-time"
	ReasonBadTopic          = "bad-topic"
	ReasonBadDevice         = "bad-device-id"
	ReasonBadMetric         = "bad-metric-name"
	ReasonMissingCode       = "missing-code"
	ReasonBadCode           = "bad-code"
	ReasonBadSeverity       = ingest.ReasonBadSeverity
	ReasonMissingField      = "missing-field"
	ReasonUnsupported       = "unsupported-format"
	ReasonUnknownAlias      = "unknown-alias"
)

// Reasons lists every reason of this package.
func Reasons() []string {
	return []string{
		ReasonEmpty, ReasonInvalidUTF8, ReasonMalformedJSON, ReasonMalformedCBOR,
		ReasonMalformedProtobuf, ReasonTooDeep, ReasonWrongType, ReasonNotFinite, ReasonNoValues,
		ReasonBadTime, ReasonBadTopic, ReasonBadDevice, ReasonBadMetric,
		ReasonMissingCode, ReasonBadCode, ReasonBadSeverity, ReasonMissingField, ReasonUnsupported, ReasonUnknownAlias,
	}
}

// refuse builds the error of a message that cannot be taken; the device is added
// by [Decoder.Decode], which knows it.
func refuse(reason, format string, args ...any) error {
	return &ingest.RejectError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
