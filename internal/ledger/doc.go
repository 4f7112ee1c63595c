// Package ledger keeps what must not be forgotten between two deliveries of a
// message, in a JetStream key-value bucket: attempts, what may have been carried
// out, what is dead. It knows neither requests nor what is decided from a record.
package ledger
