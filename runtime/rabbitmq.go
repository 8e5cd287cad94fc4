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

// reliableRabbitMQ mends two things of pubsub.rabbitmq in 1.18. Its publish succeeds where the broker
// has not confirmed it: what it had sent when its broker died would be lost. And its subscriptions
// share one channel: when they declare their queues on it at once, after a reconnect, one takes the
// answer of another, and hears no more.
type reliableRabbitMQ struct {
	pubsub.PubSub
	log      *confirmationLog
	metadata pubsub.Metadata

	lock sync.Mutex
	// By topic: a component, and with it a connection, of its own.
	hearers map[string]pubsub.PubSub
}

func newRabbitMQ(l logger.Logger) pubsub.PubSub {
	log := &confirmationLog{Logger: l}
	return &reliableRabbitMQ{PubSub: rabbitmq.NewRabbitMQ(log), log: log, hearers: map[string]pubsub.PubSub{}}
}

func (r *reliableRabbitMQ) Init(ctx context.Context, metadata pubsub.Metadata) error {
	r.metadata = metadata
	return r.PubSub.Init(ctx, metadata)
}

func (r *reliableRabbitMQ) Subscribe(ctx context.Context, req pubsub.SubscribeRequest, handler pubsub.Handler) error {
	hearer := rabbitmq.NewRabbitMQ(r.log.Logger)
	if err := hearer.Init(ctx, r.metadata); err != nil {
		return err
	}
	if err := hearer.Subscribe(ctx, req, handler); err != nil {
		return errors.Join(err, hearer.Close())
	}
	r.lock.Lock()
	earlier := r.hearers[req.Topic]
	r.hearers[req.Topic] = hearer
	r.lock.Unlock()
	// Not as soon as its subscription ends: what it still has in hand is acknowledged first.
	if earlier != nil {
		return earlier.Close()
	}
	return nil
}

func (r *reliableRabbitMQ) Close() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	all := []error{r.PubSub.Close()}
	for _, hearer := range r.hearers {
		all = append(all, hearer.Close())
	}
	return errors.Join(all...)
}

// Publish may fail for what the broker has, when another publish at the same time was not confirmed:
// whoever publishes then says it again, as it may with every broker.
func (r *reliableRabbitMQ) Publish(ctx context.Context, req *pubsub.PublishRequest) error {
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
