// Package server is what the simulated products have in common: one HTTP server
// that reads a call in full, fails on demand in every way a network and a service
// can fail, and keeps books of what was asked of it. A product brings the rest as
// a Product. It knows nothing of the worker.
package server
