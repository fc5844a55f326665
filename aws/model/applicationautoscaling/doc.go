// Package applicationautoscaling holds the generated shapes, constraint checks and operation table
// of the aws:application-autoscaling operations that are served. aws/api decodes into them and
// encodes from them; the service's core implements Service. It decides nothing.
//
// A nil member is absent on the wire; an empty list is present.
package applicationautoscaling
