package msk

import "time"

// Pace says how long operations of a type, and createCluster, last at least. Nil
// is as long as they take.
type Pace func(kind string) time.Duration

// No operations, but they last.
const (
	createCluster       = "CREATE_CLUSTER"
	changeVPCConnection = "CHANGE_VPC_CONNECTION" // creation, rejection and deletion
)

// Realistic is about as long as they last on AWS. What is not in the table was
// not seen, and lasts as long as what is like it.
func Realistic(kind string) time.Duration {
	switch kind {
	case createCluster:
		return 10 * time.Minute
	case rebootNode:
		return 4 * time.Minute
	case updateMonitoring:
		return 210 * time.Second
	case changeReassign:
		return 30 * time.Second // of each step
	case updateVolume, updateRebalancing, changeVPCConnection:
		return 5 * time.Minute
	case updateConfiguration, updateType, increaseBrokerCount, decreaseBrokerCount:
		return 25 * time.Minute
	}
	return 45 * time.Minute // UPDATE_SECURITY, and versions
}

func (p Pace) of(kind string) time.Duration {
	if p == nil {
		return 0
	}
	return p(kind)
}
