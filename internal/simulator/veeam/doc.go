// Package veeam is a Veeam Recovery Orchestrator, in process and over real HTTP,
// for tests and for trying things out: its tokens, its clients, and the plans with
// all that can be done to them, in the versions that there are. It refuses whatever the product is known
// to refuse, fails on demand (see package server), and keeps books. It knows
// nothing of the worker.
//
// Where the product's documents leave a choice, the stricter or the less
// convenient one is taken; the comment beside each such choice says so.
package veeam
