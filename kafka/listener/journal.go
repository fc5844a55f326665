package listener

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// Kafka's names of loggers.
const (
	loggerRequests   = "kafka.request.logger"
	loggerAuthorizer = "kafka.authorizer.logger"
)

// completion is a request that is to be told of when it is answered.
type completion struct {
	header  wire.Header
	session *Session // nil before authentication
}

// toTell is what is to be told of a request; nil for nothing.
func (c *conn) toTell(h wire.Header) *completion {
	if !c.l.completed.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return &completion{h, c.session}
}

// completedRequest has the names of Kafka's RequestConvertToJson. What requests
// and answers hold is left out: some of it is secret.
type completedRequest struct {
	Header struct {
		Key         int16  `json:"requestApiKey"`
		Version     int16  `json:"requestApiVersion"`
		Correlation int32  `json:"correlationId"`
		Client      string `json:"clientId"`
		Name        string `json:"requestApiKeyName"`
	} `json:"requestHeader"`
	Connection    string  `json:"connection"`
	Total         float64 `json:"totalTimeMs"`
	RequestQueue  float64 `json:"requestQueueTimeMs"`
	Local         float64 `json:"localTimeMs"`
	Remote        float64 `json:"remoteTimeMs"`
	Throttle      int64   `json:"throttleTimeMs"`
	ResponseQueue float64 `json:"responseQueueTimeMs"`
	Send          float64 `json:"sendTimeMs"`
	Principal     string  `json:"principal"`
	Listener      string  `json:"listener"`
}

// tellCompleted tells of a request whose answer is on its way.
func (c *conn) tellCompleted(p *pending) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	t, h := p.times, p.told.header
	r := completedRequest{
		Connection: c.id, Listener: c.l.cfg.Name, Total: ms(t.Sent.Sub(t.Read)), RequestQueue: ms(t.Judged.Sub(t.Read)), Local: ms(t.Handled.Sub(t.Judged)),
		Remote: ms(t.Ready.Sub(t.Taken)), ResponseQueue: ms(t.Taken.Sub(t.Handled)), Send: ms(t.Sent.Sub(t.Ready)),
	}
	r.Header.Key, r.Header.Version, r.Header.Correlation, r.Header.Client = h.Key, h.Version, h.CorrelationID, h.ClientID
	r.Header.Name = kmsg.NameForKey(h.Key)
	if p.charge != nil {
		r.Throttle = p.charge.wait.Milliseconds()
	}
	if s := p.told.session; s != nil {
		r.Principal = s.Identity.String()
	}
	text, err := json.Marshal(r)
	if err == nil { // numbers and strings always are
		c.l.completed.Debug("Completed request:" + string(text))
	}
}

// tellAllowed tells what the authorizer allowed a request.
func (c *conn) tellAllowed(h wire.Header, s *Session, ops []Operation) {
	if len(ops) == 0 || !c.l.allowed.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	for _, op := range ops {
		name := op.Name
		if op.Resource == Cluster {
			name = "kafka-cluster" // Kafka's name of the one cluster
		}
		c.l.allowed.Debug(fmt.Sprintf("Principal = %s is Allowed operation = %s from host = %s on resource = %s:LITERAL:%s for request = %s",
			s.Identity, op.Op, c.remote, op.Resource, name, kmsg.NameForKey(h.Key)))
	}
}
