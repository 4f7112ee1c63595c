package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bare is the least that brings requests from a stream to an API: pull, translate,
// post, ack. It checks nothing, remembers nothing, logs nothing, and loses or
// doubles requests at the first fault.
type bare struct {
	task
	client   *http.Client
	messages chan jetstream.Msg
}

func runBare(ctx context.Context, t task, ready func(string)) error {
	nc, err := nats.Connect(t.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, t.Stream, routeName(0))
	if err != nil {
		return err
	}
	transport, err := bareTransport(t)
	if err != nil {
		return err
	}
	b := &bare{task: t, client: &http.Client{Transport: transport}, messages: make(chan jetstream.Msg)}
	inHand := t.Calls * t.Batch
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case b.messages <- m:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(max(jetstream.DefaultMaxMessages, 2*inHand)))
	if err != nil {
		return err
	}
	ready("")
	err = b.work(ctx)
	consuming.Stop()
	return err
}

func bareTransport(t task) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, t.Calls
	if t.CAFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// work posts until ctx ends, with as many goroutines as there may be calls.
func (b *bare) work(ctx context.Context) error {
	var wg sync.WaitGroup
	failed := make(chan error, b.Calls)
	full := b.batches(ctx)
	for range b.Calls {
		wg.Go(func() {
			for messages := range full {
				if err := b.post(messages); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// gather is how long a batch that is not full waits for more: it matters only
// for the very last.
const gather = 20 * time.Millisecond

// batches puts as many messages together as go in one call.
func (b *bare) batches(ctx context.Context) <-chan []jetstream.Msg {
	out := make(chan []jetstream.Msg)
	go func() {
		defer close(out)
		for ctx.Err() == nil {
			if batch := b.next(ctx); len(batch) > 0 {
				out <- batch
			}
		}
	}()
	return out
}

func (b *bare) next(ctx context.Context) (batch []jetstream.Msg) {
	batch = make([]jetstream.Msg, 0, b.Batch)
	var late <-chan time.Time
	for len(batch) < b.Batch {
		select {
		case m := <-b.messages:
			batch = append(batch, m)
		case <-late:
			return batch
		case <-ctx.Done():
			return batch
		}
		if late == nil && b.Batch > 1 {
			late = time.After(gather)
		}
	}
	return batch
}

func (b *bare) post(messages []jetstream.Msg) error {
	path, body, err := b.body(messages)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, b.URL+path, bytes.NewReader(body)) //nolint:noctx // it ends with the process
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+b.Token)
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode >= 300 {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	for _, m := range messages {
		if err := m.Ack(); err != nil {
			return err
		}
	}
	return nil
}

// item is a request as the API takes it.
type item struct {
	Name            string
	SpecificContent json.RawMessage
	Reference       string
}

// translate turns a message into what the API takes, as any caller must.
func translate(data []byte) (item, error) {
	var request struct {
		ID      string          `json:"id"`
		Content json.RawMessage `json:"content"`
	}
	err := json.Unmarshal(data, &request)
	return item{"Bench", request.Content, request.ID}, err
}

func (b *bare) body(messages []jetstream.Msg) (path string, body []byte, err error) {
	items := make([]item, len(messages))
	for i, m := range messages {
		if items[i], err = translate(m.Data()); err != nil {
			return "", nil, err
		}
	}
	if b.Batch == 1 {
		body, err = json.Marshal(map[string]item{"itemData": items[0]})
		return singlePath, body, err
	}
	body, err = json.Marshal(map[string]any{"queueName": "Bench", "commitType": "ProcessAllIndependently", "queueItems": items})
	return bulkPath, body, err
}
