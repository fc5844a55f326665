package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store *store.Store
	Now   func() time.Time
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct {
	cfg Config

	mu    sync.Mutex
	known map[string]map[metricID]int64 // by place: the day that a metric's document has; guarded by mu
	swept map[string]int64              // by place: the day on which metrics were forgotten; guarded by mu
}

var _ cloudwatch.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, known: make(map[string]map[metricID]int64), swept: make(map[string]int64)}
}

// place is the beginning of the keys of an account in a region.
func place(account, region string) string { return account + "/" + region + "/cloudwatch/" }

func metricKey(place string, id metricID) string {
	return fmt.Sprintf("%smetric/%012x", place, uint64(id))
}

func minuteKey(place string, minute int64) string {
	return fmt.Sprintf("%sminute/%012d", place, minute)
}

// minuteOfKey is the minute of a key.
func minuteOfKey(key string) (int64, error) {
	return strconv.ParseInt(key[strings.LastIndexByte(key, '/')+1:], 10, 64)
}

// Record adds data to the metrics of a namespace. Data older than Retention are
// dropped. The error is a LimitExceeded *model.Error when a minute would have
// more than 50 000 metrics; then what comes before in the list is kept.
func (s *Service) Record(ctx context.Context, account, region, namespace string, data []Datum) error {
	oldest := s.cfg.Now().Add(-Retention)
	minutes := make(map[int64]map[metricID]metricSample)
	for _, d := range data {
		if d.Time.Before(oldest) || !d.valid() {
			continue
		}
		m := metric{Namespace: namespace, Name: d.Name, Dimensions: sortDimensions(d.Dimensions), Unit: d.Unit, Day: d.Time.Unix() / int64(day.Seconds())}
		if m.Unit == "" {
			m.Unit = "None"
		}
		at := minuteOf(d.Time)
		if minutes[at] == nil {
			minutes[at] = make(map[metricID]metricSample)
		}
		id := m.id()
		minutes[at][id] = metricSample{m, minutes[at][id].sample.merge(d.Sample)}
	}
	p := place(account, region)
	for _, at := range sorted(minutes) {
		if err := s.record(ctx, p, at, minutes[at]); err != nil {
			return err
		}
	}
	return s.sweep(ctx, p)
}

type metricSample struct {
	metric metric
	sample Sample
}

// record writes a minute: first the metrics that are new, then what was
// measured.
func (s *Service) record(ctx context.Context, p string, at int64, measured map[metricID]metricSample) error {
	ids := sorted(measured)
	for batch := range slices.Chunk(s.unknown(p, ids, measured), maxBatch) {
		if err := s.introduce(ctx, p, batch, measured); err != nil {
			return err
		}
	}
	more := make([]entry, 0, len(ids))
	for _, id := range ids {
		more = append(more, entry{id, measured[id].sample})
	}
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		var have []entry
		if raw, ok := tx.Get(minuteKey(p, at)); ok {
			var err error
			if have, err = readBlock(raw); err != nil {
				return fmt.Errorf("read %s: %w", minuteKey(p, at), err)
			}
		}
		all := mergeBlocks(have, more)
		if len(all) > maxMetrics {
			return &model.Error{Code: "LimitExceeded", HTTP: 400, Message: fmt.Sprintf("There are more than %d metrics with data in one minute.", maxMetrics)}
		}
		if err := tx.Put(minuteKey(p, at), appendBlock(nil, all)); err != nil {
			return err
		}
		return s.expire(tx, p)
	})
}

// unknown is the metrics whose documents do not have the day of the data.
func (s *Service) unknown(p string, ids []metricID, measured map[metricID]metricSample) []metricID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id metricID) bool {
		d, ok := s.known[p][id]
		return ok && d >= measured[id].metric.Day
	})
}

// introduce writes the documents of metrics.
func (s *Service) introduce(ctx context.Context, p string, ids []metricID, measured map[metricID]metricSample) error {
	days := make(map[metricID]int64, len(ids))
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			m := measured[id].metric
			have, ok, err := store.GetJSON[metric](tx, metricKey(p, id))
			if err != nil {
				return err
			}
			if ok && !have.same(m) {
				return fmt.Errorf("the metrics %v and %v have the same id", have, m)
			}
			if days[id] = max(have.Day, m.Day); ok && have.Day >= m.Day {
				continue
			}
			if err := store.PutJSON(tx, metricKey(p, id), m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[p] == nil || len(s.known[p]) > 2*maxMetrics { // it only spares writes
		s.known[p] = make(map[metricID]int64)
	}
	for id, d := range days {
		s.known[p][id] = d
	}
	return nil
}

// maxExpired is how many minutes one transaction deletes: more than one for each
// that is written.
const maxExpired = 32

// expire deletes minutes that are too old.
func (s *Service) expire(tx *store.Tx, p string) error {
	old, err := tx.List(p+"minute/", "", maxExpired)
	if err != nil {
		return err
	}
	last := minuteKey(p, minuteOf(s.cfg.Now().Add(-Retention)))
	for _, kv := range old {
		if kv.Key >= last {
			break
		}
		if err := tx.Delete(kv.Key); err != nil {
			return err
		}
	}
	return nil
}

// sweep forgets, once a day, the metrics without data.
func (s *Service) sweep(ctx context.Context, p string) error {
	today := s.cfg.Now().Unix() / int64(day.Seconds())
	s.mu.Lock()
	done := s.swept[p] == today
	s.mu.Unlock()
	if done {
		return nil
	}
	oldest := today - int64(Retention/day) - 1
	err := s.metrics(ctx, p, "", func(key string, m metric) (bool, error) {
		if m.Day >= oldest {
			return true, nil
		}
		return true, s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			have, ok, err := store.GetJSON[metric](tx, key)
			if err != nil || !ok || have.Day >= oldest {
				return err
			}
			return tx.Delete(key)
		})
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swept[p] = today
	delete(s.known, p)
	return nil
}

// page is how many pairs one transaction reads.
const page = 500

// metrics tells every metric after a key, until more answers false.
func (s *Service) metrics(ctx context.Context, p, after string, more func(key string, m metric) (bool, error)) error {
	for {
		var found []store.KV
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
			found, err = tx.List(p+"metric/", after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, kv := range found {
			m, err := decodeMetric(kv)
			if err != nil {
				return err
			}
			if on, err := more(kv.Key, m); err != nil || !on {
				return err
			}
			after = kv.Key
		}
		if len(found) < page {
			return nil
		}
	}
}

// series reads metrics from one minute up to before another.
func (s *Service) series(ctx context.Context, p string, ids map[metricID]bool, from, to int64) (map[metricID][]point, error) {
	out := make(map[metricID][]point, len(ids))
	for after, done := minuteKey(p, from-1), false; !done; {
		var found []store.KV
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
			found, err = tx.List(p+"minute/", after, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		done = len(found) < page
		for _, kv := range found {
			after = kv.Key
			at, err := minuteOfKey(kv.Key)
			if err != nil {
				return nil, fmt.Errorf("key %s: %w", kv.Key, err)
			}
			if at >= to {
				return out, nil
			}
			entries, err := readBlock(kv.Value)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", kv.Key, err)
			}
			for _, e := range entries {
				if ids[e.id] {
					out[e.id] = append(out[e.id], point{at, e.sample})
				}
			}
		}
	}
	return out, nil
}

// Statistic is a statistic of one metric from one time to another, over all its
// units: Average, Sum, Minimum, Maximum, SampleCount or pNN. ok is false without
// data.
func (s *Service) Statistic(ctx context.Context, account, region, namespace, name string, dimensions []Dimension, stat string, from, to time.Time) (value float64, ok bool, err error) {
	parsed, known := parseStatistic(stat)
	if !known {
		return 0, false, fmt.Errorf("cloudwatch has no statistic %q", stat)
	}
	q := asked{metric: metric{Namespace: namespace, Name: name, Dimensions: sortDimensions(dimensions)}}
	all, err := s.read(ctx, place(account, region), []asked{q}, minuteOf(from), minuteOf(to.Add(minute-1)))
	if err != nil {
		return 0, false, err
	}
	value, ok = parsed.of(all[0])
	return value, ok, nil
}
