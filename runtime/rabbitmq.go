package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/pubsub/rabbitmq"
	"github.com/dapr/kit/logger"
)

// confirmedRabbitMQ is pubsub.rabbitmq whose publish fails where the broker has not confirmed it.
// The component of 1.18 says that it succeeded: what it had sent when its broker died would be lost.
type confirmedRabbitMQ struct {
	pubsub.PubSub
	log *confirmationLog
}

func newRabbitMQ(l logger.Logger) pubsub.PubSub {
	log := &confirmationLog{Logger: l}
	return &confirmedRabbitMQ{rabbitmq.NewRabbitMQ(log), log}
}

// Publish may fail for what the broker has, when another publish at the same time was not confirmed:
// whoever publishes then says it again, as it may with every broker.
func (r *confirmedRabbitMQ) Publish(ctx context.Context, req *pubsub.PublishRequest) error {
	before := r.log.unconfirmed.Load()
	if err := r.PubSub.Publish(ctx, req); err != nil {
		return err
	}
	if r.log.unconfirmed.Load() != before {
		return pubsub.NewRetriableError(errors.New("RabbitMQ has not confirmed the publish"))
	}
	// the component gives up without an error, too
	return ctx.Err()
}

// confirmationLog counts what the component only logs.
type confirmationLog struct {
	logger.Logger
	unconfirmed atomic.Int64
}

func (l *confirmationLog) Errorf(format string, args ...any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok && strings.Contains(err.Error(), "did not receive confirmation") {
			l.unconfirmed.Add(1)
		}
	}
	l.Logger.Errorf(format, args...)
}
