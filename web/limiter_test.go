package web

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(map[string]rate{"pair": {burst: 3, interval: time.Minute}})
	now := epoch
	for i := range 3 {
		if err := l.take("pair", "a", now); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	var limited *limitedError
	if err := l.take("pair", "a", now); !errors.As(err, &limited) || limited.wait != time.Minute {
		t.Fatalf("attempt 4: %v", err)
	}
	if err := l.take("pair", "b", now); err != nil {
		t.Errorf("another key: %v", err)
	}
	now = now.Add(59 * time.Second)
	if l.take("pair", "a", now) == nil {
		t.Error("an attempt came back too early")
	}
	now = now.Add(time.Second)
	if err := l.take("pair", "a", now); err != nil {
		t.Errorf("after a minute: %v", err)
	}
	if l.take("pair", "a", now) == nil {
		t.Error("one minute gave two attempts")
	}
	now = now.Add(time.Hour)
	for i := range 3 {
		if err := l.take("pair", "a", now); err != nil {
			t.Errorf("an hour later, attempt %d: %v", i+1, err)
		}
	}
	if l.take("pair", "a", now) == nil {
		t.Error("the bucket holds more than its burst")
	}
	l.giveBack("pair", "a")
	if err := l.take("pair", "a", now); err != nil {
		t.Errorf("after a success: %v", err)
	}
	if l.take("pair", "a", now) == nil {
		t.Error("a success gave back more than itself")
	}
}

func TestLimiterForgets(t *testing.T) {
	l := newLimiter(map[string]rate{"address": {burst: 1, interval: time.Second}})
	for i := range maxBuckets {
		if err := l.take("address", fmt.Sprint(i), epoch); err != nil {
			t.Fatal(err)
		}
	}
	if l.take("address", "one more", epoch) == nil {
		t.Error("the limiter grows without bound")
	}
	if err := l.take("address", "one more", epoch.Add(2*time.Second)); err != nil {
		t.Errorf("full buckets were not forgotten: %v", err)
	}
	if len(l.buckets) != 1 {
		t.Errorf("%d buckets are left", len(l.buckets))
	}
}
