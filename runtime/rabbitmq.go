package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/pubsub/rabbitmq"
	"github.com/dapr/kit/logger"
)

// reliableRabbitMQ fixes two defects of pubsub.rabbitmq in Dapr 1.18:
//   - Its publish succeeds although the broker has not confirmed it, so events that are in flight when
//     the broker dies are lost.
//   - Its subscriptions share one channel. When they declare their queues on it concurrently, after a
//     reconnect, one subscription reads the reply to another and receives no more events.
type reliableRabbitMQ struct {
	pubsub.PubSub
	log      *confirmationLog
	metadata pubsub.Metadata

	lock sync.Mutex
	// By topic: each subscription has a component, and so a connection, of its own.
	subscribers map[string]pubsub.PubSub
}

func newRabbitMQ(l logger.Logger) pubsub.PubSub {
	log := &confirmationLog{Logger: l}
	return &reliableRabbitMQ{PubSub: rabbitmq.NewRabbitMQ(log), log: log, subscribers: map[string]pubsub.PubSub{}}
}

func (r *reliableRabbitMQ) Init(ctx context.Context, metadata pubsub.Metadata) error {
	r.metadata = metadata
	return r.PubSub.Init(ctx, metadata)
}

func (r *reliableRabbitMQ) Subscribe(ctx context.Context, req pubsub.SubscribeRequest, handler pubsub.Handler) error {
	subscriber := rabbitmq.NewRabbitMQ(r.log.Logger)
	if err := subscriber.Init(ctx, r.metadata); err != nil {
		return err
	}
	if err := subscriber.Subscribe(ctx, req, handler); err != nil {
		return errors.Join(err, subscriber.Close())
	}
	r.lock.Lock()
	previous := r.subscribers[req.Topic]
	r.subscribers[req.Topic] = subscriber
	r.lock.Unlock()
	// Closed only now and not when its subscription ended: it had to acknowledge its events in hand.
	if previous != nil {
		return previous.Close()
	}
	return nil
}

func (r *reliableRabbitMQ) Close() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	errs := []error{r.PubSub.Close()}
	for _, subscriber := range r.subscribers {
		errs = append(errs, subscriber.Close())
	}
	return errors.Join(errs...)
}

// Publish may return an error for an event that the broker has stored, when a concurrent publish was
// not confirmed. The caller then publishes it again, as it must be able to with every broker.
func (r *reliableRabbitMQ) Publish(ctx context.Context, req *pubsub.PublishRequest) error {
	before := r.log.unconfirmed.Load()
	if err := r.PubSub.Publish(ctx, req); err != nil {
		return err
	}
	if r.log.unconfirmed.Load() != before {
		return pubsub.NewRetriableError(errors.New("RabbitMQ has not confirmed the publish"))
	}
	// The component also gives up without an error.
	return ctx.Err()
}

// confirmationLog counts the missing confirmations, which the component only logs.
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
