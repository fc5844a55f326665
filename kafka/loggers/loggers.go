// Package loggers is the loggers of Kafka's brokers and their levels, which
// administrators change while the brokers run (KIP-412).
//
// kafka/broker shows and changes them; who writes lines of brokers' logs asks
// whether they are wanted. Levels belong to a broker's process: they are in memory
// alone. The package writes no line.
package loggers

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Level is a level of Kafka's. Its numbers are slog's.
type Level = slog.Level

// The levels.
const (
	Trace = slog.LevelDebug - 4
	Debug = slog.LevelDebug
	Info  = slog.LevelInfo
	Warn  = slog.LevelWarn
	Error = slog.LevelError
	Fatal = slog.LevelError + 4
)

var levels = map[string]Level{"TRACE": Trace, "DEBUG": Debug, "INFO": Info, "WARN": Warn, "ERROR": Error, "FATAL": Fatal}

// Levels lists the names of the levels, sorted.
func Levels() []string { return slices.Sorted(maps.Keys(levels)) }

// ParseLevel is the level of a name, as it is written.
func ParseLevel(name string) (level Level, ok bool) {
	level, ok = levels[name]
	return level, ok
}

// Name is a level as Kafka writes it; levels in between have the name of the one
// below.
func Name(level Level) string {
	best := "TRACE"
	for name, l := range levels {
		if l <= level && l >= levels[best] {
			best = name
		}
	}
	return best
}

// Exists reports whether brokers have a logger of a name.
func Exists(name string) bool {
	_, ok := slices.BinarySearch(names, name)
	return ok || name == Root
}

// Logger is a logger and the level that it has, its own or an inherited one.
type Logger struct {
	Name  string
	Level Level
}

// Loggers is the loggers of one broker's process. Its methods may be called
// concurrently.
type Loggers struct {
	mu  sync.Mutex                       // held to change
	set atomic.Pointer[map[string]Level] // never changed: replaced
}

// New returns the loggers as Kafka's configuration has them.
func New() *Loggers {
	l := &Loggers{}
	l.set.Store(&configured)
	return l
}

// Enabled reports whether a logger writes lines of a level.
func (l *Loggers) Enabled(name string, level Level) bool {
	return level >= effective(*l.set.Load(), name)
}

// effective is the level of a logger, or of the nearest above it.
func effective(set map[string]Level, name string) Level {
	for {
		if level, ok := set[name]; ok {
			return level
		}
		at := strings.LastIndexByte(name, '.')
		if at < 0 {
			return set[Root]
		}
		name = name[:at]
	}
}

// Set gives a logger that exists a level of its own.
func (l *Loggers) Set(name string, level Level) {
	l.change(func(set map[string]Level) { set[name] = level })
}

// Unset has a logger inherit its level. Root must not.
func (l *Loggers) Unset(name string) {
	l.change(func(set map[string]Level) { delete(set, name) })
}

func (l *Loggers) change(fn func(map[string]Level)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := maps.Clone(*l.set.Load())
	fn(next)
	l.set.Store(&next)
}

// List lists all loggers, by name.
func (l *Loggers) List() []Logger {
	set := *l.set.Load()
	out := make([]Logger, 0, len(names)+1)
	for _, name := range names {
		out = append(out, Logger{name, effective(set, name)})
	}
	at, _ := slices.BinarySearch(names, Root)
	return slices.Insert(out, at, Logger{Root, set[Root]})
}

// Brokers is the loggers of a cluster's brokers. The zero value is ready; its
// methods may be called concurrently.
type Brokers struct {
	mu  sync.RWMutex
	all map[int32]*Loggers // by id; guarded by mu, as many as there are brokers
}

// Of is the loggers of a broker since it last started.
func (b *Brokers) Of(id int32) *Loggers {
	b.mu.RLock()
	l := b.all[id]
	b.mu.RUnlock()
	if l == nil {
		return b.start(id, false)
	}
	return l
}

// Start gives a broker the loggers of a new process.
func (b *Brokers) Start(id int32) *Loggers { return b.start(id, true) }

func (b *Brokers) start(id int32, again bool) *Loggers {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.all[id]; l != nil && !again {
		return l
	}
	if b.all == nil {
		b.all = make(map[int32]*Loggers)
	}
	b.all[id] = New()
	return b.all[id]
}
