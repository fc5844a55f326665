package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/metadata"
)

// converge makes a running cluster what its spec says, one change after another.
// What is killed in its midst is opened by the spec as a whole; one that fails
// is called again, and goes on where it was.
func (e *embedded) converge(ctx context.Context, r *runningCluster, s fleet.Spec) (fleet.Observed, error) {
	v := converging{e: e, r: r, spec: s}
	for _, part := range []func(context.Context) error{v.access, v.listeners, v.certificates, v.volumes, v.leave, v.grow, v.shrink, v.replace, v.partitions, v.software, v.version, v.rebalance} {
		if err := part(ctx); err != nil {
			return fleet.Observed{}, refusal(fmt.Errorf("change cluster %s: %w", s.Name, err))
		}
	}
	r.told.Store(&s.Monitoring)
	if err := r.exporters.converge(s); err != nil {
		return fleet.Observed{}, fmt.Errorf("open monitoring of cluster %s: %w", s.Name, err)
	}
	r.spec = s
	return *r.observed.Load(), nil
}

// refusal is an error as the fleet takes it: some cannot be helped by trying
// again.
func refusal(err error) error {
	if held, ok := errors.AsType[*metadata.HeldError](err); ok {
		text := fmt.Sprintf("Broker %d has user partitions, of the topic %s among others. Move them to other brokers first.", held.Broker, held.Topic)
		return errors.Join(err, &fleet.PermanentError{Code: "UserPartitionsExist", Message: text})
	}
	return err
}

// converging is one cluster being changed.
type converging struct {
	e    *embedded
	r    *runningCluster
	spec fleet.Spec // r.spec is what of it is done
}

// do makes one change.
func (v *converging) do(change func() error) error {
	if err := v.e.ask(); err != nil {
		return err
	}
	return change()
}

// bind opens sockets for listeners and answers what makes listeners of them.
func (v *converging) bind(keys []string) (map[string]net.Listener, *opening, error) {
	o := &opening{e: v.e, spec: v.spec, facts: v.r.facts, access: v.r.access, door: v.r.door, firewall: v.r.firewall}
	if _, err := v.e.pki.ServerCertificate(o.hosts(), time.Now()); err != nil { // what handshakes will get
		return nil, nil, fmt.Errorf("make the brokers' certificate: %w", err)
	}
	bound, err := v.e.ports.listenAll(filepath.Join(v.e.directory(v.spec.ARN), portsFile), keys)
	return bound, o, err
}

// observe changes what is known of where the cluster's brokers are.
func (v *converging) observe(change func(*fleet.Observed)) {
	next := *v.r.observed.Load()
	next.Brokers = slices.Clone(next.Brokers)
	change(&next)
	v.r.observed.Store(&next)
}

// access follows the users and authorities that the spec names.
func (v *converging) access(ctx context.Context) error {
	if slices.Equal(v.spec.Listeners, v.r.spec.Listeners) && v.sameCertificates() {
		return nil
	}
	return v.r.access.retarget(ctx, v.spec)
}

func (v *converging) sameCertificates() bool {
	return slices.Equal(v.spec.Authorities, v.r.spec.Authorities) && v.spec.CertificateOnly == v.r.spec.CertificateOnly
}

// certificates sends away the clients of listeners that ask for other
// certificates now.
func (v *converging) certificates(ctx context.Context) error {
	if v.sameCertificates() {
		return nil
	}
	for _, b := range v.r.spec.Brokers {
		for _, l := range v.r.spec.Listeners {
			if kind := listenerKinds[l]; kind.tls && kind.mechanisms == nil {
				if err := v.do(func() error { return v.r.c.ReopenListener(ctx, b.ID, kind.name) }); err != nil {
					return err
				}
			}
		}
	}
	v.r.spec.Authorities, v.r.spec.CertificateOnly = v.spec.Authorities, v.spec.CertificateOnly
	return nil
}

// listeners opens and closes listeners of the brokers that run.
func (v *converging) listeners(ctx context.Context) error {
	opened := slices.DeleteFunc(slices.Clone(v.spec.Listeners), func(l string) bool { return slices.Contains(v.r.spec.Listeners, l) })
	closed := slices.DeleteFunc(slices.Clone(v.r.spec.Listeners), func(l string) bool { return slices.Contains(v.spec.Listeners, l) })
	if len(opened)+len(closed) == 0 {
		return nil
	}
	// Connections that have ended since the listeners were closed must not lead
	// to those that open now.
	if err := v.r.door.refresh(ctx); err != nil {
		return err
	}
	for _, b := range v.r.spec.Brokers {
		if err := v.do(func() error { return v.setListeners(ctx, b, opened, closed) }); err != nil {
			v.r.torn = true // some brokers have the new listeners
			return err
		}
	}
	v.r.spec.Listeners = v.spec.Listeners
	return nil
}

func (v *converging) setListeners(ctx context.Context, b fleet.Broker, opened, closed []string) error {
	var names []string
	for _, l := range closed {
		names = append(names, listenerKinds[l].name)
	}
	bound, o, err := v.bind(keysOf(b, opened))
	if err != nil {
		return err
	}
	kb, seen, err := o.broker(b, opened, bound)
	if err == nil {
		err = v.r.c.SetListeners(ctx, b.ID, kb.Listeners, names)
	}
	if err != nil {
		closeAll(bound)
		return err
	}
	v.observe(func(o *fleet.Observed) {
		for i := range o.Brokers {
			if o.Brokers[i].ID == b.ID {
				ends := maps.Clone(o.Brokers[i].Endpoints)
				maps.Copy(ends, seen.Endpoints)
				for _, l := range closed {
					delete(ends, l)
				}
				o.Brokers[i].Endpoints = ends
			}
		}
	})
	return nil
}

func has(all []fleet.Broker, id int32) bool {
	return slices.ContainsFunc(all, func(b fleet.Broker) bool { return b.ID == id })
}

// grow starts the brokers that are new.
func (v *converging) grow(ctx context.Context) error {
	for _, b := range v.spec.Brokers {
		if has(v.r.spec.Brokers, b.ID) {
			continue
		}
		if err := v.do(func() error { return v.add(ctx, b) }); err != nil {
			return err
		}
		v.r.spec.Brokers = append(slices.Clone(v.r.spec.Brokers), b)
	}
	return nil
}

func (v *converging) add(ctx context.Context, b fleet.Broker) error {
	bound, o, err := v.bind(keysOf(b, v.spec.Listeners))
	if err != nil {
		return err
	}
	kb, seen, err := o.broker(b, v.spec.Listeners, bound)
	if err == nil {
		err = v.r.c.AddBroker(ctx, kb)
	}
	if err != nil {
		closeAll(bound)
		return err
	}
	v.observe(func(o *fleet.Observed) { o.Brokers = append(o.Brokers, seen) })
	return nil
}

// shrink takes out the brokers that are no more.
func (v *converging) shrink(ctx context.Context) error {
	var gone []int32
	for _, b := range v.r.spec.Brokers {
		if !has(v.spec.Brokers, b.ID) {
			gone = append(gone, b.ID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := v.do(func() error { return v.r.c.RemoveBrokers(ctx, gone...) }); err != nil {
		return err
	}
	v.r.spec.Brokers = slices.DeleteFunc(slices.Clone(v.r.spec.Brokers), func(b fleet.Broker) bool { return slices.Contains(gone, b.ID) })
	v.r.logs.first.Store(v.spec.Brokers[0].ID)
	v.observe(func(o *fleet.Observed) {
		o.Brokers = slices.DeleteFunc(o.Brokers, func(b fleet.ObservedBroker) bool { return slices.Contains(gone, b.ID) })
	})
	return nil
}

// differing calls do for every broker that is to answer at other addresses of
// brokers that are gone than it does, where there is something to do: some of them.
func (v *converging) differing(some func(was, b fleet.Broker) []int32, do func(was *fleet.Broker, b fleet.Broker) error) error {
	v.r.spec.Brokers = slices.Clone(v.r.spec.Brokers)
	for i := range v.r.spec.Brokers {
		was := &v.r.spec.Brokers[i]
		at := slices.IndexFunc(v.spec.Brokers, func(b fleet.Broker) bool { return b.ID == was.ID })
		if at < 0 || slices.Equal(was.Replaces, v.spec.Brokers[at].Replaces) || len(some(*was, v.spec.Brokers[at])) == 0 {
			continue
		}
		if err := v.do(func() error { return do(was, v.spec.Brokers[at]) }); err != nil {
			return err
		}
	}
	return nil
}

// leave closes the addresses that are to be others', or to be opened anew.
func (v *converging) leave(ctx context.Context) error {
	return v.differing(func(was, _ fleet.Broker) []int32 { return was.Replaces }, func(was *fleet.Broker, _ fleet.Broker) error {
		err := v.r.c.CloseHidden(ctx, was.ID)
		if err == nil {
			was.Replaces = nil
		}
		return err
	})
}

// replace opens the addresses of brokers that are gone on those that replace them.
func (v *converging) replace(ctx context.Context) error {
	return v.differing(func(_, b fleet.Broker) []int32 { return b.Replaces }, func(was *fleet.Broker, b fleet.Broker) error {
		keys := keysOf(b, v.spec.Listeners)[len(v.spec.Listeners):] // but for its own
		bound, o, err := v.bind(keys)
		if err != nil {
			return err
		}
		hidden, err := o.hidden(b, v.spec.Listeners, bound)
		if err == nil {
			err = v.r.c.SetListeners(ctx, b.ID, hidden, nil)
		}
		if err != nil {
			closeAll(bound)
			return err
		}
		was.Replaces = b.Replaces
		return nil
	})
}

// software has brokers start again, or gives them what acts at once.
func (v *converging) software(ctx context.Context) error {
	v.r.spec.Brokers = slices.Clone(v.r.spec.Brokers)
	for i, was := range v.r.spec.Brokers {
		at := slices.IndexFunc(v.spec.Brokers, func(b fleet.Broker) bool { return b.ID == was.ID })
		b := v.spec.Brokers[at]
		if refused, ok := v.r.refused[b.ID]; ok && v.spec.Generation != refused {
			delete(v.r.refused, b.ID)
			was.Boot = b.Boot // the operation has failed, and the broker has never stopped
		}
		var err error
		switch {
		case b.Boot != was.Boot:
			err = v.do(func() error {
				if err := v.e.useKey(ctx, v.spec); err != nil {
					if _, forGood := errors.AsType[*fleet.PermanentError](err); forGood {
						v.r.refused[b.ID] = v.spec.Generation
					}
					return err
				}
				return v.r.c.RestartBroker(ctx, b.ID, cluster.Software{KafkaVersion: b.KafkaVersion, Static: b.Static, Limits: func(l *cluster.Limits) { *l = v.e.cfg.limits(v.spec, b.InstanceType) }})
			})
		case !maps.Equal(b.Static, was.Static):
			err = v.do(func() error { return v.r.c.Reconfigure(ctx, b.ID, b.Static) })
		}
		if err != nil {
			return err
		}
		v.r.spec.Brokers[i] = b
	}
	return nil
}

// version makes the features of a Kafka version the cluster's.
func (v *converging) version(ctx context.Context) error {
	if v.spec.KafkaVersion == v.r.spec.KafkaVersion {
		return nil
	}
	return v.do(func() error { return v.r.c.SetFeatures(ctx, v.spec.KafkaVersion) })
}

// held is what msk asks of the brokers of a running cluster.
func (e *embedded) held(arn string) (map[int32]msk.Held, bool) {
	r := e.find(arn)
	if r == nil {
		return nil, false
	}
	all := r.c.Image().Replicas()
	out := make(map[int32]msk.Held, len(all))
	for id, h := range all {
		out[id] = msk.Held{Replicas: h.All, Clients: h.OfClients, OutOfSync: h.OutOfSync}
	}
	return out, true
}
