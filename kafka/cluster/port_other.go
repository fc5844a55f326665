//go:build !unix

package cluster

import (
	"errors"
	"io"
	"net"
)

// holdPort is not possible here: the ports of a stopped broker are free.
func holdPort(*net.TCPAddr) (io.Closer, error) { return nil, errors.ErrUnsupported }
