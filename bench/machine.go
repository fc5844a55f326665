package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc.
const tick = 10 * time.Millisecond

// machine says what was measured on what, for who repeats it.
func machine(ctx context.Context, o options) []string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	_, total, _ := memory()
	lines := []string{fmt.Sprintf("%s, %d CPUs, %d MiB, Linux %s", time.Now().UTC().Format(time.DateTime), runtime.NumCPU(), total>>20, bytes.TrimSpace(kernel))}
	version := func(name string, args ...string) {
		out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
		first, _, _ := strings.Cut(string(out), "\n")
		if err != nil {
			first = err.Error()
		}
		lines = append(lines, name+": "+first)
	}
	version(o.binary, "version")
	if o.jars != "" {
		version("java", "-version")
		lines = append(lines, "kafka: "+o.jars)
	}
	return append(lines, "bench "+strings.Join(os.Args[1:], " "))
}

// residentMB is the resident memory of a process.
func residentMB(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(string(rest))[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// cpuTime is the CPU time that a process has spent, in user mode and in the
// kernel; a tick of /proc is 10 ms.
func cpuTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name may hold anything
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// busyTime is the CPU time that the machine has spent, and that its host took.
func busyTime() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	var ticks int64
	for i, field := range strings.Fields(line) { // cpu user nice system idle iowait irq softirq steal guest
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != 4 && i != 5 && i <= 8 {
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}
