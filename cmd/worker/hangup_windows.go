package main

// onHangUp does nothing: Windows has no SIGHUP.
func onHangUp(func()) (stop func()) { return func() {} }
