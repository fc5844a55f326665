package server

import (
	"context"

	"github.com/millrace/millrace/fleet"
)

// converge makes a running cluster what its spec says. What is killed in its
// midst is opened by the spec as a whole, and one that fails is called again.
func (e *embedded) converge(ctx context.Context, r *runningCluster, s fleet.Spec) error {
	v := converging{e: e, r: r, spec: s}
	for _, part := range []func(context.Context) error{v.boots} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// converging is one cluster being changed.
type converging struct {
	e    *embedded
	r    *runningCluster
	spec fleet.Spec
}

// do runs changes one after another.
func (v *converging) do(changes ...func() error) error {
	for _, change := range changes {
		if v.e.between != nil {
			if err := v.e.between(); err != nil {
				return err
			}
		}
		if err := change(); err != nil {
			return err
		}
	}
	return nil
}

// boots stops and starts the brokers that run since before their last boot.
func (v *converging) boots(ctx context.Context) error {
	for _, b := range v.spec.Brokers {
		if v.r.boots[b.ID] == b.Boot {
			continue
		}
		err := v.do(
			func() error { return v.r.c.StopBroker(ctx, b.ID) },
			func() error { return v.r.c.StartBroker(ctx, b.ID) },
		)
		if err != nil {
			return err
		}
		v.r.boots[b.ID] = b.Boot
	}
	return nil
}
