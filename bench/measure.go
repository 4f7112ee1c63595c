package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// figures are what one trial came to.
type figures struct {
	Rate        float64 `json:"requests_per_second"`
	CPU         float64 `json:"cpu_seconds_per_10000"` // of the loop or the worker alone
	MB          float64 `json:"megabytes"`             // resident, at the most; of the largest process
	Connections int     `json:"connections"`           // that were opened
	Calls       int     `json:"calls"`
	Share       float64 `json:"smallest_to_largest_share,omitzero"` // of several workers
	IdleMS      float64 `json:"idle_latency_ms,omitzero"`           // median from the publish to the call
}

func (f figures) String() string {
	if f.IdleMS > 0 {
		return fmt.Sprintf("%.2f ms", f.IdleMS)
	}
	return fmt.Sprintf("%.0f/s, %.2f s CPU, %.0f MB, %d connections", f.Rate, f.CPU, f.MB, f.Connections)
}

// measure makes one trial, and fails unless every request arrived exactly once.
func (s *stage) measure(ctx context.Context, t trial, profile string) (f figures, err error) {
	s.trials++
	if err := s.prepare(ctx, t); err != nil {
		return f, err
	}
	total := t.requests + t.depth
	s.mock.reset(total, t.latency)
	defer s.mock.release()
	if !t.idle {
		if err := s.publish(t.routes, 0, cmp.Or(t.depth, total)); err != nil {
			return f, err
		}
	}
	all, err := s.startAll(ctx, t, profile)
	defer func() { err = errors.Join(err, stopAll(all)) }()
	if err != nil {
		return f, err
	}
	if t.idle {
		return s.measureIdle(ctx, t)
	}
	if f, err = s.measureBusy(ctx, t, all); err != nil {
		return f, err
	}
	if b := s.mock.now(); t.depth > 0 { // most of it is still there, and goes with the stream
		return f, b.audit(b.arrived)
	}
	return f, s.audit(ctx, total)
}

// audit holds the mock's books against what was published.
func (s *stage) audit(ctx context.Context, published int) error {
	if err := s.awaitStored(ctx, 0); err != nil {
		return err
	}
	return s.mock.now().audit(published)
}

func (b books) audit(published int) error {
	if b.arrived == published && b.doubles == 0 && b.strangers == 0 {
		return nil
	}
	return fmt.Errorf("the books do not balance: of %d requests %d arrived, %d of them again, and %d that were never published",
		published, b.arrived, b.doubles, b.strangers)
}

// startAll starts what is measured.
func (s *stage) startAll(ctx context.Context, t trial, profile string) (all []*process, err error) {
	for i := range t.workers {
		set, err := s.setting(t, i)
		if err != nil {
			return all, err
		}
		p, err := start(context.WithoutCancel(ctx), t.kind, task{
			NATS: set.nats, Stream: set.stream, URL: set.url, CAFile: set.caFile, Token: token(i),
			Calls: t.calls, Batch: t.batch, Config: set.file(), Profile: profile,
		})
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// setting is what one of several callers needs to know.
func (s *stage) setting(t trial, caller int) (set setting, err error) {
	set = setting{trial: t, nats: s.server.first.URL, stream: streamName, url: s.mock.plain.URL}
	if t.http2 {
		set.url, set.caFile = s.mock.tls.URL, s.caFile()
	}
	set.tokenFile, err = s.tokenFile(caller)
	return set, err
}

func stopAll(all []*process) (err error) {
	for _, p := range all {
		err = errors.Join(err, p.stop())
	}
	return err
}

// stuck is how long a trial may go on without anything arriving.
const stuck = 30 * time.Second

// measureBusy takes the figures from the moment when everything is warm and the
// calls are let go, until the last request arrived.
func (s *stage) measureBusy(ctx context.Context, t trial, all []*process) (f figures, err error) {
	if err := s.awaitWarm(ctx); err != nil {
		return f, err
	}
	before, err := usages(all)
	if err != nil {
		return f, err
	}
	held, began := s.mock.now(), time.Now()
	s.mock.release()
	if err := s.follow(ctx, t); err != nil {
		return f, err
	}
	if t.depth == 0 {
		if err := s.awaitStored(ctx, 0); err != nil {
			return f, err
		}
	}
	now := s.mock.now()
	after, err := usages(all)
	if err != nil {
		return f, err
	}
	n := float64(now.arrived - held.arrived)
	return figures{
		Rate: n / now.last.Sub(began).Seconds(), CPU: (after.CPU - before.CPU).Seconds() / n * 10_000,
		MB: float64(after.RSS) / 1e6, Connections: now.connections, Calls: now.calls, Share: shares(now, t.workers),
	}, nil
}

// shares is that of the worker with the fewest requests to that with the most.
func shares(b books, workers int) float64 {
	if workers < 2 {
		return 0
	}
	fewest, most := b.arrived, 0
	for i := range workers {
		n := b.byToken["Bearer "+token(i)]
		fewest, most = min(fewest, n), max(most, n)
	}
	return float64(fewest) / float64(max(most, 1))
}

// usages adds the processor time, and takes the largest memory.
func usages(all []*process) (sum usage, err error) {
	for _, p := range all {
		u, err := p.usage()
		if err != nil {
			return sum, err
		}
		sum.CPU += u.CPU
		sum.RSS = max(sum.RSS, u.RSS)
	}
	return sum, nil
}

// awaitWarm waits until as many calls as are made at once are held at the mock.
func (s *stage) awaitWarm(ctx context.Context) error {
	const steady = 300 * time.Millisecond
	waiting, since := 0, time.Now()
	for {
		now := s.mock.now().waiting
		switch {
		case now != waiting:
			waiting, since = now, time.Now()
		case waiting > 0 && time.Since(since) > steady:
			return nil
		case time.Since(since) > stuck:
			return errors.New("no call came")
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow waits until all requests of a trial arrived, and keeps the queue as deep
// as it is to be.
func (s *stage) follow(ctx context.Context, t trial) error {
	const topUp = 200
	published, late := t.depth, time.NewTimer(stuck)
	defer late.Stop()
	for {
		arrived := s.mock.now().arrived
		if arrived >= t.requests {
			return nil
		}
		if t.depth > 0 && published-arrived < t.depth-topUp {
			if err := s.publish(t.routes, published, published+topUp); err != nil {
				return err
			}
			published += topUp
			continue
		}
		late.Reset(stuck)
		select {
		case <-s.mock.changed:
		case <-late.C:
			return fmt.Errorf("nothing arrived for %v; %d of %d requests did", stuck, arrived, t.requests)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
