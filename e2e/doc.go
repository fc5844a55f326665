// Package e2e runs the clients that people have against the millrace binary:
// AWS's command line and SDK, Apache Kafka's tools with AWS's IAM library, and
// Kafka clients of other makers. Everything goes through the ports and the
// files that a user sees. The tests have the build tag e2e and need
// bin/millrace (make build); what they install is e2e/clients' matter.
package e2e
