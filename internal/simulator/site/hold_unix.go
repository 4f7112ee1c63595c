//go:build unix

package site

import (
	"net"
	"syscall"
)

// hold keeps a port from everybody else while it is shut, so that nobody meets
// another server there: a socket that is bound and does not listen refuses
// connections. It does nothing where the port cannot be had.
func hold(address string) (release func()) {
	none := func() {}
	at, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil || at.IP.To4() == nil {
		return none
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return none
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}) != nil {
		_ = syscall.Close(fd)
		return none
	}
	return func() { _ = syscall.Close(fd) }
}
