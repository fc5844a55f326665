// Package sim holds the whole-system fault tests: an embedded cluster under
// real client load over a file system that can lose power, and checkers of what
// the clients were promised. It has no code of its own to ship.
package sim
