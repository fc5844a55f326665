// Package monitor is the engine that tells what clusters do: once a minute it
// reads what their brokers counted and gives it to CloudWatch under MSK's names,
// and whenever Prometheus asks it writes the same under the names of MSK's open
// monitoring. server tells it which clusters run and how to ask them.
//
// It keeps nothing that a restart would miss but the counts of the last minute.
package monitor
