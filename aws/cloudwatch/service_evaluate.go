package cloudwatch

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

// EvaluateEvery is how often alarms are evaluated.
const EvaluateEvery = time.Minute

// EvaluateAlarms looks at the alarms of all accounts, by the minutes that have
// ended before now, and writes the states that have changed. It is called by one
// goroutine.
func (s *Service) EvaluateAlarms(ctx context.Context, now time.Time) error {
	places, err := s.cfg.Store.Places(ctx, "cloudwatch/"+alarmPrefix)
	for _, at := range places {
		err = errors.Join(err, s.evaluatePlace(ctx, model.Caller{Account: at.Account, Region: at.Region}, now))
	}
	return err
}

// watched is an alarm with what it watches.
type watched struct {
	alarm
	watch
	questions []asked
}

func (s *Service) evaluatePlace(ctx context.Context, c model.Caller, now time.Time) error {
	p := place(c.Account, c.Region)
	var all []alarm
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = listAlarms(tx, p)
		return err
	})
	if err != nil {
		return err
	}
	// Alarms are read together: a minute's block has all their metrics.
	var batch []watched
	back, questions := int64(0), int64(0)
	flush := func() error {
		err := s.evaluateBatch(ctx, c, batch, back, now)
		batch, back, questions = nil, 0, 0
		return err
	}
	for _, a := range all {
		w, bad := parseAlarm(&a.Config)
		if bad != nil {
			err = errors.Join(err, bad) // an older server took what this one does not
			continue
		}
		ask, _ := questionsOf(w.queries)
		if max(back, w.back())*(questions+int64(len(ask))) > maxMinutes {
			err = errors.Join(err, flush())
		}
		batch, back, questions = append(batch, watched{a, w, ask}), max(back, w.back()), questions+int64(len(ask))
	}
	return errors.Join(err, flush())
}

// evaluateBatch reads what some alarms watch, back minutes at most, and judges
// each.
func (s *Service) evaluateBatch(ctx context.Context, c model.Caller, batch []watched, back int64, now time.Time) error {
	if len(batch) == 0 {
		return nil
	}
	var questions []asked
	for i := range batch {
		questions = append(questions, batch[i].questions...)
	}
	to := minuteOf(now)
	points, err := s.read(ctx, place(c.Account, c.Region), questions, to-back, to)
	if err != nil {
		return err
	}
	for i := range batch {
		w := &batch[i]
		v := w.judge(w.readings(points[:len(w.questions)], to))
		points = points[len(w.questions):]
		if v.state != "" && v.state != w.State {
			err = errors.Join(err, s.judged(ctx, c, w, v, now.UTC()))
		}
	}
	return err
}

// readings is an alarm's newest periods, the newest first. They end at a minute
// and at those before by periods. An expression without a value tells nothing.
func (w *watched) readings(points [][]point, to int64) []reading {
	out := make([]reading, w.periods+extraPeriods)
	values, err := evaluate(w.queries, points, to-w.back(), to, to)
	for i := range out {
		r := &out[i]
		r.at = to - int64(i+1)*w.minutes
		if list := values[w.id].list; err == nil && len(list) == 1 {
			r.value, r.known = list[0].values[r.at]
			r.known = r.known && !math.IsInf(r.value, 0) && !math.IsNaN(r.value)
		}
	}
	return out
}

// judged writes a state, unless the alarm has changed meanwhile.
func (s *Service) judged(ctx context.Context, c model.Caller, w *watched, v verdict, now time.Time) error {
	err := s.change(ctx, c, *w.Config.AlarmName, func(a *alarm) ([]item, error) {
		if a.Events != w.Events || !a.Updated.Equal(w.Updated) {
			return nil, nil
		}
		return a.become(v.state, cutText(w.reason(v), 1023), w.data(v, now), now), nil
	})
	if isNoAlarm(err) {
		return nil // it was deleted
	}
	return err
}
