package identity

import (
	"context"
	"time"
)

const (
	// pollEvery is how often the store is asked for changes: how long a credential that is
	// revoked, by whatever process, stays valid here. It is one read of an index.
	pollEvery = time.Second
	// pollBatch is how many changes are read at once.
	pollBatch = 1000
	// fileEvery is how often files are looked at.
	fileEvery = 5 * time.Second
	// touchEvery is how stale the last use of a credential may be: it keeps connections from becoming writes.
	touchEvery = 10 * time.Minute
	// noteEvery is how often uses are noted, and noteBatch how many in one transaction.
	noteEvery = 10 * time.Second
	noteBatch = 500
	// complainEvery is how often the log tells that the store cannot be asked.
	complainEvery = time.Minute
)

// Withdraw ends the connections of a credential at a time, which may be past; *broker.Broker does.
type Withdraw func(credential string, at time.Time) (connections int)

// Run follows the changes of credentials, keys and revocation lists until ctx ends.
func (a *Authenticator) Run(ctx context.Context, withdraw Withdraw) {
	polls, looks, notes := time.NewTicker(pollEvery), time.NewTicker(fileEvery), time.NewTicker(noteEvery)
	defer polls.Stop()
	defer looks.Stop()
	defer notes.Stop()
	var complained time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			// What was used in the last seconds is noted, too, as long as that takes no time.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := a.note(last); err != nil {
				a.log.Warn("last use of credentials was not noted", "err", err)
			}
			return
		case <-polls.C:
			err = a.poll(ctx, withdraw)
		case now := <-looks.C:
			a.look(now, withdraw)
		case <-notes.C:
			err = a.note(ctx)
		}
		if err != nil && ctx.Err() == nil && time.Since(complained) >= complainEvery {
			complained = time.Now()
			a.log.Warn("credentials of devices cannot be followed, those that are known stay valid meanwhile", "err", err)
		}
	}
}

// poll takes over what has changed in the store.
func (a *Authenticator) poll(ctx context.Context, withdraw Withdraw) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		_, _, revision := a.tokens.get("")
		changed, err := a.store.ChangedDeviceCredentials(ctx, revision, pollBatch)
		if err != nil {
			a.metrics.pollFailures.Inc()
			return err
		}
		for _, c := range changed {
			// Forgotten first: who connects in between reads the store.
			a.tokens.forget(c.Hash, c.Revision)
			if n := withdraw(tokenCredential+c.ID, c.Ends()); n > 0 && !c.ValidAt(time.Now()) {
				a.log.Info("connections of a credential end", "device", c.Device, "credential", c.ID, "connections", n)
			}
		}
		if len(changed) < pollBatch {
			return nil
		}
	}
}

// note writes down what was used.
func (a *Authenticator) note(ctx context.Context) error {
	for {
		used := a.tokens.takeUsed(noteBatch)
		if len(used) == 0 {
			return nil
		}
		if err := a.store.TouchDeviceCredentials(ctx, used); err != nil {
			return err
		}
	}
}
