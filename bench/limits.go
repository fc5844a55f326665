package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	nameLimit = "machine limit"
	limitFile = 1 << 20 // frame of the limit measurement
	// maxFreeShare is the share of the memory that may be free, that is never
	// touched, before a number is refused. Filling leaves about an eighth to a
	// fifth: below, the kernel frees pages of the filler as fast as it is read.
	maxFreeShare = 4
	maxFills     = 2
	minDisk      = 4 << 30 // bytes free: topics are kept for the whole run, and one measurement writes a few GiB
)

// measureLimits records what the machine itself can do: loopback TCP into a
// file with a grouped fdatasync before the 8 byte answer.
func measureLimits(ctx context.Context, o options, r *report) error {
	if err := warm(o); err != nil {
		return err
	}
	rate, err := loopbackToDisk(ctx, filepath.Join(o.dir, "limit"), min(o.duration, 2*time.Second))
	if err != nil {
		return err
	}
	for _, w := range []string{"1", "6", "100", "1000"} {
		r.add("produce 1 KiB, acks=all, "+w+" partitions", nameLimit, "MB/s", rate)
	}
	return nil
}

func loopbackToDisk(ctx context.Context, name string, d time.Duration) (float64, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	var served sync.WaitGroup
	defer served.Wait()
	var serveErr error
	served.Go(func() { serveErr = serveLimit(ln, name) })
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	frame, answer := make([]byte, limitFile), make([]byte, 8)
	const window = 8 // frames under way
	began, sent, done := time.Now(), 0, 0
	for time.Since(began) < d && ctx.Err() == nil {
		if _, err := conn.Write(frame); err != nil {
			return 0, errors.Join(err, serveErr)
		}
		if sent++; sent-done >= window {
			if _, err := io.ReadFull(conn, answer); err != nil {
				return 0, err
			}
			done++
		}
	}
	return float64(done) * limitFile / time.Since(began).Seconds() / 1e6, nil
}

// serveLimit appends frames to a file; while one fdatasync runs the next
// frames gather.
func serveLimit(ln net.Listener, name string) error {
	conn, err := ln.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	defer f.Close()
	written := make(chan struct{}, 64)
	var syncer sync.WaitGroup
	syncer.Go(func() { syncGroups(conn, f, written) })
	defer syncer.Wait()
	defer close(written)
	buf := make([]byte, limitFile)
	for {
		if _, err := io.ReadFull(conn, buf); err != nil {
			return nil
		}
		if _, err := f.Write(buf); err != nil {
			return err
		}
		written <- struct{}{}
	}
}

func syncGroups(conn net.Conn, f *os.File, written <-chan struct{}) {
	for range written {
		n := 1 + len(written)
		for range n - 1 {
			<-written
		}
		if unix.Fdatasync(int(f.Fd())) != nil {
			return
		}
		if _, err := conn.Write(make([]byte, 8*n)); err != nil {
			return
		}
	}
}

// warm fills the page cache with holes of a sparse file, so that no new page
// costs a fault of the host, and refuses to go on when it could not, or when the
// disk is nearly full.
func warm(o options) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(o.dir, &disk); err != nil {
		return err
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < minDisk {
		return fmt.Errorf("%d MiB are free in %s, too few for another measurement: use another -dir, fewer -rounds, or -only", free>>20, o.dir)
	}
	free, total, err := memory()
	if err != nil {
		return err
	}
	maxFree := total / maxFreeShare
	for range maxFills { // what others free meanwhile takes another pass
		if !o.fill || free <= maxFree*3/4 {
			break
		}
		if err := fill(filepath.Join(o.dir, "filler"), free-300<<20); err != nil {
			return err
		}
		if free, _, err = memory(); err != nil {
			return err
		}
	}
	if o.fill && free > maxFree {
		return fmt.Errorf("%d of %d MiB of memory are free although the page cache was just filled, and a number taken now could be four times too low: something beside this benchmark frees memory, or the host takes back what is free; end that, or give the machine less memory, and run this again, or compare CPU times alone with -fill=false", free>>20, total>>20)
	}
	unix.Sync()
	return nil
}

// fill reads size bytes of holes beyond what the filler already holds.
func fill(name string, size int64) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Truncate(st.Size() + size); err != nil {
		return err
	}
	if _, err := f.Seek(st.Size(), io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f})
	return err
}

// memory is the memory in bytes, free and in all, of the zones from which the
// page cache takes its pages. The low zones stay free for devices whatever is
// read.
func memory() (free, total int64, err error) {
	data, err := os.ReadFile("/proc/zoneinfo")
	if err != nil {
		return 0, 0, err
	}
	page := int64(os.Getpagesize())
	counts := false
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 4 && fields[0] == "Node":
			counts = !strings.HasPrefix(fields[3], "DMA")
		case counts && len(fields) == 3 && fields[0] == "pages" && fields[1] == "free":
			n, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			free += n * page
		case counts && len(fields) == 2 && fields[0] == "managed":
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			total += n * page
		}
	}
	return free, total, nil
}
