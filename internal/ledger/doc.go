// Package ledger keeps what must not be forgotten between two deliveries, in a
// JetStream key-value bucket. [MessageKey] names the [Record] of one message
// (attempts, what may have been carried out, what is dead), [RequestKey] the
// [Claim] of one request that must not be carried out twice, whichever messages
// ask for it. Of dead letters that are replayed, [PastKey] names the [Record] of
// what was tried before, and [ReplayKey] the one [Replay]. It knows neither requests nor what is
// decided from a record or a claim.
package ledger
