package msktopics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/aws/model"
)

// exceptions is what MSK calls Kafka's errors; every other one that a broker
// answers is a KafkaRequestException. (aws:kafka API reference, CreateTopic)
var exceptions = map[*kerr.Error]model.Error{
	kerr.TopicAlreadyExists:      {Code: "TopicExistsException", HTTP: http.StatusConflict},
	kerr.UnknownTopicOrPartition: {Code: "UnknownTopicOrPartitionException", HTTP: http.StatusNotFound},
	kerr.UnknownTopicID:          {Code: "UnknownTopicOrPartitionException", HTTP: http.StatusNotFound},
	kerr.NotController:           {Code: "NotControllerException", HTTP: http.StatusConflict},
	kerr.ReassignmentInProgress:  {Code: "ReassignmentInProgressException", HTTP: http.StatusConflict},
	kerr.GroupSubscribedToTopic:  {Code: "GroupSubscribedToTopicException", HTTP: http.StatusConflict},
	kerr.RequestTimedOut:         {Code: "KafkaTimeoutException", HTTP: http.StatusConflict},
}

// refusal makes the answer of what a broker refused, or of not reaching one.
// text is what the broker said beside the code.
func refusal(err error, text string) error {
	if err == nil {
		return nil
	}
	var refused *kerr.Error
	switch {
	case errors.As(err, &refused):
		e, ok := exceptions[refused]
		if !ok {
			e = model.Error{Code: "KafkaRequestException", HTTP: http.StatusBadRequest}
		}
		e.Message = cmp.Or(text, refused.Description)
		return &e
	case errors.Is(err, context.DeadlineExceeded):
		return &model.Error{Code: "KafkaTimeoutException", HTTP: http.StatusConflict, Message: "The request to the cluster timed out."}
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		return &model.Error{Code: "ClusterConnectivityException", HTTP: http.StatusConflict, Message: "The brokers of the cluster cannot be reached."}
	}
	return fmt.Errorf("ask the brokers: %w", err)
}

// ofReads is an error as calls that read answer it: their models have none of
// Kafka's, and only ListTopics' has that the service is not there.
func ofReads(err error, status int) error {
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Code == "BadRequestException" || e.Code == "NotFoundException" {
		return err
	}
	code := "InternalServerErrorException"
	if status == http.StatusServiceUnavailable {
		code = "ServiceUnavailableException"
	}
	return &model.Error{Code: code, HTTP: status, Message: e.Message}
}

// missing is refusal for calls that read, whose model has NotFoundException
// alone.
func missing(err error, text string) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.InvalidTopicException) {
		return model.NotFound("topicName", "The requested topic doesn't exist.") // UNVERIFIED wording
	}
	return refusal(err, text)
}
