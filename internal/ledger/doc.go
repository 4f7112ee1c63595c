// Package ledger keeps what must not be forgotten between two deliveries, in a
// JetStream key-value bucket. It has two kinds of keys: [MessageKey] names the
// [Record] of one message (attempts, what may have been carried out, what is
// dead), [RequestKey] the [Claim] of one request that must not be carried out
// twice, whichever messages ask for it. It knows neither requests nor what is
// decided from a record or a claim.
package ledger
