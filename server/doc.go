// Package server is the assembly: Config -> New -> System -> Run. It is the
// only place where the Kafka side (kafka/...) and the AWS side (aws/...) meet:
// it supplies iam's answers to the brokers' questions (identity.go), and the
// embedded driver to the fleet (embedded.go). It puts parts together and
// decides nothing.
package server
