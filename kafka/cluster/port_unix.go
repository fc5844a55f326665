//go:build unix

package cluster

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// holdPort binds an address without listening on it: who connects is refused,
// and the kernel gives the port to nobody who asks for any port. Closing what
// it returns gives the port back.
func holdPort(addr *net.TCPAddr) (io.Closer, error) {
	family, to := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())})
	if ip := addr.IP.To4(); ip != nil {
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("hold port %d: %w", addr.Port, err)
	}
	held := os.NewFile(uintptr(fd), "held port")
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, to)
	}
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("hold port %d: %w", addr.Port, err)
	}
	return held, nil
}
