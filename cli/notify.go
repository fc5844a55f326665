package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notify tells the service manager that has started this process how it is
// (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names, whose "@"
// stands for the abstract namespace. Without one nobody is told.
func (a *app) notify(lines ...string) {
	path := a.env["NOTIFY_SOCKET"]
	if path == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		defer conn.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(notifyTimeout))
		_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	}
	if err != nil {
		fmt.Fprintf(a.log, "millrace: tell the service manager: %v\n", err)
	}
}

func monotonicMicroseconds() string {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return "0"
	}
	return strconv.FormatInt(t.Nano()/1000, 10)
}
