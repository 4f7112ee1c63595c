//go:build unix

package site

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
)

// A port that is shut refuses connections, and is nobody else's meanwhile.
func TestAShutPortIsHeld(t *testing.T) {
	var refused atomic.Bool
	s, err := Open(Settings{
		Address: "127.0.0.1:0", Handler: http.NotFoundHandler(), Refused: refused.Load, Lost: func(text string) { t.Error(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		c, err := net.Dial("tcp", s.settings.Address)
		if err != nil {
			t.Fatal(err)
		}
		refused.Store(true)
		s.Reconcile()
		_ = c.Close()
		if _, err := net.Dial("tcp", s.settings.Address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a shut port answers %v", err)
		}
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := net.ResolveTCPAddr("tcp4", s.settings.Address)
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a shut port can be had: %v", err)
		}
		_ = syscall.Close(fd)
		refused.Store(false)
		s.Reconcile()
	}
}
