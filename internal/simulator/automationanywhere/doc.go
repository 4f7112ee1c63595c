// Package automationanywhere is an Automation Anywhere Control Room, in process
// and over real HTTP, for tests and for trying things out: its log-ins and
// sessions, work items, bots and their deployments, of Enterprise 11 or of
// Automation 360. It refuses
// whatever the product is known to refuse, fails on demand (see package server),
// and keeps books. It knows nothing of the worker.
//
// Where the product's documents leave a choice, the stricter or the less
// convenient one is taken; the comment beside each such choice says so.
package automationanywhere
