package broker

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// AddRaftVoter, v0 (KIP-853): the quorum's voters are fixed, as they are in Kafka
// while kraft.version is 0. Only a request that could be meant is told so.
func (b *Broker) addRaftVoter(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AddRaftVoterRequest)
	resp := req.ResponseKind().(*kmsg.AddRaftVoterResponse)
	code, text := b.fixedVoters(req.ClusterID, req.VoterID, "Add", "adding")
	if code == kerr.UnsupportedVersion.Code && len(req.Listeners) == 0 {
		code, text = kerr.InvalidRequest.Code, "Add voter request didn't include the endpoint (Endpoints(endpoints={})) for the default listener ListenerName(CONTROLLER)"
	}
	resp.ErrorCode, resp.ErrorMessage = code, &text
	return now(resp)
}

// RemoveRaftVoter, v0 (KIP-853), is as AddRaftVoter.
func (b *Broker) removeRaftVoter(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.RemoveRaftVoterRequest)
	resp := req.ResponseKind().(*kmsg.RemoveRaftVoterResponse)
	code, text := b.fixedVoters(req.ClusterID, req.VoterID, "Remove", "removing")
	resp.ErrorCode, resp.ErrorMessage = code, &text
	return now(resp)
}

// fixedVoters refuses a change of the quorum's voters.
func (b *Broker) fixedVoters(cluster *string, voter int32, verb, doing string) (code int16, text string) {
	id := b.cfg.Image().ClusterID
	switch {
	case cluster != nil && *cluster != id:
		return kerr.InconsistentClusterID.Code, fmt.Sprintf("The given id %q doesn't match the cluster id %q", *cluster, id)
	case voter < 0:
		return kerr.InvalidRequest.Code, verb + " voter request didn't include a valid voter"
	}
	return kerr.UnsupportedVersion.Code, "Cluster doesn't support " + doing + " voter because the kraft.version feature is 0"
}
