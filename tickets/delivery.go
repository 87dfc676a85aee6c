package tickets

import "time"

// Delivery is an event on its way to a webhook. It is kept until the webhook
// took it, or for people to see when it never did.
type Delivery struct {
	Tenant string `json:"-"`
	// Endpoint is the name of the webhook in the configuration.
	Endpoint string `json:"endpoint"`
	Event    Event  `json:"event"`
	// State is DeliveryPending or DeliveryDead.
	State string `json:"state"`
	// Attempts counts the tries, the one that is under way included.
	Attempts  int       `json:"attempts"`
	CreatedAt time.Time `json:"created_at"`
	NextAt    time.Time `json:"next_at"` // of the next try
	LastError string    `json:"last_error,omitempty"`
}

// The states of a delivery.
const (
	DeliveryPending = "pending"
	DeliveryDead    = "dead" // given up after too many tries
)
