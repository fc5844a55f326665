package partition

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: two who share a pace are together as fast as it says, and no slower.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		began := time.Now()
		done := make(chan error)
		const rounds, bytes, rate = 1000, 1000, 100_000
		for range 2 {
			go func() {
				var err error
				for range rounds {
					err = errors.Join(err, p.wait(t.Context(), bytes, rate))
				}
				done <- err
			}()
		}
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		if took, want := time.Since(began), 2*rounds*bytes/rate*time.Second; took < want-paceGrain || took > want+paceGrain {
			t.Errorf("took %v, want %v", took, want)
		}
		began = time.Now()
		for _, err := range []error{p.wait(t.Context(), 1<<30, math.MaxFloat64), p.wait(t.Context(), 1<<30, math.MaxFloat64)} {
			if err != nil || time.Since(began) > paceGrain {
				t.Errorf("without a limit: %v after %v", err, time.Since(began))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.wait(ctx, 1, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at no bytes a second: %v", err)
		}
	})
}
