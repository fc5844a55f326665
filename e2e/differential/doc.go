// Package differential is a test alone: it holds Millrace to Apache Kafka. The
// same scripts of raw requests, valid and invalid, run against a broker of
// Apache Kafka and against a Millrace cluster of the same kafkaVersion, and the
// decoded answers are compared field by field; whether the connection was
// closed is part of an answer. Other scripts run against three brokers in three
// racks, ask those that do not lead or coordinate, and stop brokers and start
// them again.
//
// What a broker may choose freely (ids, ports, the time) is replaced by symbols
// before the comparison. Differences that stay are lines of accepted.txt and
// accepted_three.txt, each with its reason; a line that matches nothing fails the
// test. What brokers do in their own time is waited for by conditions, on both
// sides, before it is compared.
//
//	go test -tags e2e ./e2e/differential -v                          against 4.1.2
//	go test -tags e2e ./e2e/differential -v -run 'Differential/topics' scripts named so
//	go test -tags e2e ./e2e/differential -v -run 'DifferentialOfThree' with three brokers
//	MILLRACE_KAFKA=3.9.2 go test -tags e2e ./e2e/differential -v     another line (3.4.1, 2.8.1)
//	MILLRACE_SHOW=1 ...                                              print Kafka's answers too
//	MILLRACE_SEED=7 MILLRACE_REQUESTS=50000 ...                      other and more generated requests
//
// A key that Millrace does not serve ends a script on its side: what is missing
// is counted as waiting, and Kafka's answers can be read meanwhile. When in
// doubt about a behaviour of Kafka's, add a script and look.
package differential
