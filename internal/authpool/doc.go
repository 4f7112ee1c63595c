// Package authpool keeps the tokens of one connection: it logs in, renews
// ahead of the end, remembers what was refused, and puts a token on every
// call. It knows HTTP and the grants, but neither the products' calls nor
// where the credentials were configured.
package authpool
