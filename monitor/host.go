package monitor

import (
	"bytes"
	"cmp"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	instruments "github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/vfs"
)

// Host reads the machine and the process from /proc. What cannot be read, as on
// systems without it, is left out. Its methods may be called concurrently.
type Host struct {
	proc    fs.FS
	dir     string // of the data, whose file system is told
	started time.Time
}

// NewHost reads from proc, and the file system of dir.
func NewHost(proc fs.FS, dir string) *Host { return &Host{proc, dir, time.Now()} }

// lines reads a file of /proc as fields.
func (h *Host) lines(name string) (out [][]string) {
	data, err := fs.ReadFile(h.proc, name)
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(data) {
		if f := strings.Fields(string(line)); len(f) > 0 {
			out = append(out, f)
		}
	}
	return out
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}

// ticksPerSecond is USER_HZ, which is 100 on Linux everywhere.
const ticksPerSecond = 100

// CPU is the seconds that processors have spent in each mode: user, nice,
// system, idle, iowait, irq, softirq, steal.
type CPU map[string]float64

var cpuModes = []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

// CPUs is by processor; "" is all of them.
func (h *Host) CPUs() map[string]CPU {
	out := make(map[string]CPU)
	for _, f := range h.lines("stat") {
		name, ok := strings.CutPrefix(f[0], "cpu")
		if !ok {
			continue
		}
		c := make(CPU)
		for i, mode := range cpuModes {
			if i+1 < len(f) {
				c[mode] = number(f[i+1]) / ticksPerSecond
			}
		}
		out[name] = c
	}
	return out
}

// Memory is /proc/meminfo in bytes, by its names.
func (h *Host) Memory() map[string]float64 {
	out := make(map[string]float64)
	for _, f := range h.lines("meminfo") {
		name, ok := strings.CutSuffix(f[0], ":")
		if !ok || len(f) < 2 {
			continue
		}
		v := number(f[1])
		if len(f) > 2 && f[2] == "kB" {
			v *= 1024
		}
		out[name] = v
	}
	return out
}

// Traffic is what a network device has carried.
type Traffic struct{ Bytes, Packets, Errors, Dropped float64 }

// Network is by device, received and sent.
func (h *Host) Network() map[string][2]Traffic {
	out := make(map[string][2]Traffic)
	for _, f := range h.lines("net/dev") {
		name, rest, ok := strings.Cut(strings.Join(f, " "), ":")
		v := strings.Fields(rest)
		if !ok || len(v) < 12 {
			continue
		}
		out[name] = [2]Traffic{
			{number(v[0]), number(v[1]), number(v[2]), number(v[3])}, {number(v[8]), number(v[9]), number(v[10]), number(v[11])},
		}
	}
	return out
}

// Disk is what a block device has done.
type Disk struct {
	Reads, ReadBytes, ReadSeconds    float64
	Writes, WriteBytes, WriteSeconds float64
}

const sectorBytes = 512

// Disks is by device.
func (h *Host) Disks() map[string]Disk {
	out := make(map[string]Disk)
	for _, f := range h.lines("diskstats") {
		if len(f) < 11 {
			continue
		}
		out[f[2]] = Disk{
			Reads: number(f[3]), ReadBytes: number(f[5]) * sectorBytes, ReadSeconds: number(f[6]) / 1000,
			Writes: number(f[7]), WriteBytes: number(f[9]) * sectorBytes, WriteSeconds: number(f[10]) / 1000,
		}
	}
	return out
}

// Space is the size of the data's file system and what is left of it.
func (h *Host) Space() (total, usable int64, ok bool) {
	s, ok := vfs.OS.(interface {
		Space(path string) (total, usable int64, err error)
	})
	if !ok {
		return 0, 0, false
	}
	total, usable, err := s.Space(h.dir)
	return total, usable, err == nil
}

// Process is this process: one for all brokers.
type Process struct {
	CPU, Resident, Files, Threads, Heap, Live float64 // Live is what the last collection left of Heap
	Started                                   time.Time
}

// Process reads the process.
func (h *Host) Process(time.Time) Process {
	p := Process{Started: h.started}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	p.Heap, p.Live = float64(samples[0].Value.Uint64()), float64(samples[1].Value.Uint64())
	if data, err := fs.ReadFile(h.proc, "self/stat"); err == nil {
		// The fields after the command's name, which is in parentheses.
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(f) > 21 {
			p.CPU = (number(f[11]) + number(f[12])) / ticksPerSecond
			p.Threads, p.Resident = number(f[17]), number(f[21])*float64(os.Getpagesize())
		}
	}
	if files, err := fs.ReadDir(h.proc, "self/fd"); err == nil {
		p.Files = float64(len(files))
	}
	return p
}

// Node writes what the node exporter tells of a machine, in its names, as on
// MSK's port 11002. All brokers of a cluster are on one machine.
func (h *Host) Node(text *instruments.Text, now time.Time) {
	label := func(name, value string) instruments.Label { return instruments.Label{Name: name, Value: value} }
	gauge := func(name, help string, v float64, l ...instruments.Label) {
		text.Add(name, instruments.Gauge, help, v, l...)
	}
	count := func(name, help string, v float64, l ...instruments.Label) {
		text.Add(name, instruments.Counting, help, v, l...)
	}
	cpus := h.CPUs()
	delete(cpus, "")
	for _, cpu := range sorted(cpus) {
		for _, mode := range cpuModes {
			count("node_cpu_seconds_total", "Seconds that processors have spent in each mode", cpus[cpu][mode], label("cpu", cpu), label("mode", mode))
		}
	}
	for _, f := range h.lines("loadavg") {
		for i, name := range []string{"node_load1", "node_load5", "node_load15"} {
			if i < len(f) {
				gauge(name, "The load average", number(f[i]))
			}
		}
	}
	memory := h.Memory()
	for _, name := range sorted(memory) {
		if !strings.HasPrefix(name, "HugePages_") { // the only ones that are not bytes
			gauge("node_memory_"+strings.NewReplacer("(", "_", ")", "").Replace(name)+"_bytes", "Field "+name+" of /proc/meminfo", memory[name])
		}
	}
	if total, usable, ok := h.Space(); ok {
		for name, v := range map[string]int64{"size": total, "avail": usable, "free": usable} {
			gauge("node_filesystem_"+name+"_bytes", "Bytes of the data's file system", float64(v), label("mountpoint", h.dir))
		}
	}
	h.nodeDevices(count)
	gauge("node_time_seconds", "The clock, in seconds since 1970", float64(now.UnixMilli())/1000)
	for _, f := range h.lines("stat") {
		if f[0] == "btime" && len(f) > 1 {
			gauge("node_boot_time_seconds", "When the machine began, in seconds since 1970", number(f[1]))
		}
	}
	gauge("node_uname_info", "The machine", 1, label("machine", runtime.GOARCH), label("sysname", runtime.GOOS))
}

func (h *Host) nodeDevices(count func(name, help string, v float64, l ...instruments.Label)) {
	disks := h.Disks()
	for _, name := range sorted(disks) {
		d, device := disks[name], instruments.Label{Name: "device", Value: name}
		count("node_disk_reads_completed_total", "Reads of block devices", d.Reads, device)
		count("node_disk_read_bytes_total", "Bytes read from block devices", d.ReadBytes, device)
		count("node_disk_read_time_seconds_total", "Time of reads", d.ReadSeconds, device)
		count("node_disk_writes_completed_total", "Writes to block devices", d.Writes, device)
		count("node_disk_written_bytes_total", "Bytes written to block devices", d.WriteBytes, device)
		count("node_disk_write_time_seconds_total", "Time of writes", d.WriteSeconds, device)
	}
	network := h.Network()
	for _, name := range sorted(network) {
		device := instruments.Label{Name: "device", Value: name}
		for i, way := range []string{"receive", "transmit"} {
			t := network[name][i]
			count("node_network_"+way+"_bytes_total", "Bytes of network devices", t.Bytes, device)
			count("node_network_"+way+"_packets_total", "Packets of network devices", t.Packets, device)
			count("node_network_"+way+"_errs_total", "Errors of network devices", t.Errors, device)
			count("node_network_"+way+"_drop_total", "Packets that network devices dropped", t.Dropped, device)
		}
	}
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
