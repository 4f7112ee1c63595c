// Package uipath is a UiPath Orchestrator with its identity server, in process
// and over real HTTP, for tests and for trying things out. It refuses whatever
// the product is known to refuse, fails on demand in every way a network and a
// service can fail, and keeps books of what was asked of it and what became of
// it. It knows nothing of the worker: it imports no package of the module.
//
// Two servers listen, so that one can be down while the other is well:
//
//	{URL}       http://127.0.0.1:PORT/acme/prod/orchestrator_
//	{TokenURL}  http://127.0.0.1:OTHER/acme/identity_/connect/token
//
// Where the product's documents leave a choice, the stricter or the less
// convenient one is taken; the comment beside each such choice says so.
package uipath
