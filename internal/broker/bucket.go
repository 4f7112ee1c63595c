package broker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// bucketStream and bucketSubject are how a key-value bucket is stored (NATS
	// ADR-8, JetStream based Key-Value Stores).
	bucketStream  = "KV_"
	bucketSubject = "$KV."
	// bucketMarkerTTL is how long the bucket remembers a key that expired.
	bucketMarkerTTL = time.Minute
	// bucketDuplicates is the duplicate window of every bucket.
	bucketDuplicates = 2 * time.Minute
)

// ensureBucket makes or checks the ledger. It is made as the library makes a
// bucket, but for one thing: it is read through its leader alone. A replica that
// lags behind would say of a request that was sent that it was not.
func (t Topology) ensureBucket(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	at, want := t.bucket()
	have, made, err := ensureStream(ctx, js, at, want, t.Create)
	if err != nil || made {
		return nil, err
	}
	n, err := checkBucket(at, want, have)
	return n.texts(), err
}

// bucket is the stream of the ledger as it is made.
func (t Topology) bucket() (place, jetstream.StreamConfig) {
	at := place{key: "ledger.bucket", what: "key-value bucket " + t.Bucket}
	return at, jetstream.StreamConfig{
		Name:                   bucketStream + t.Bucket,
		Subjects:               []string{bucketSubject + t.Bucket + ".>"},
		MaxMsgsPerSubject:      1, // history
		MaxMsgs:                unlimited,
		MaxBytes:               unlimited,
		MaxMsgSize:             unlimited,
		MaxConsumers:           unlimited,
		Storage:                jetstream.FileStorage,
		Discard:                jetstream.DiscardNew,
		Replicas:               t.replicas(),
		Duplicates:             bucketDuplicates,
		AllowRollup:            true,
		DenyDelete:             true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: bucketMarkerTTL,
	}
}

func checkBucket(at place, want, have jetstream.StreamConfig) (notes, error) {
	switch {
	case have.Mirror != nil || have.Sealed || len(without(want.Subjects, have.Subjects)) > 0:
		return nil, refused("subjects", "%s: %s is a mirror, is sealed or stores other subjects: name another bucket", at.key, at.what)
	case !have.AllowMsgTTL || !have.AllowRollup:
		return nil, refused("marker TTL", "%s: %s was made without a limit marker TTL, so that no single key of it can expire: "+
			"name another bucket, or set its marker TTL on the server", at.key, at.what)
	}
	var n notes
	n.when("max age", have.MaxAge > 0, "%s forgets every key after %v: what is forgotten may be carried out twice: set its TTL to 0", at.what, have.MaxAge)
	n.when("direct reads", have.AllowDirect && have.Replicas > 1, "%s can be read from a replica that lags behind, so that a request may be carried out twice "+
		"after a failure: set its allow_direct to false", at.what)
	n.when("max bytes", have.MaxBytes > 0, "%s is full at %d bytes: no request is sent from then on: set its max_bytes to -1", at.what, have.MaxBytes)
	return append(n, durability(at, want.Replicas, have)...), nil
}
