package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/pubsub/rabbitmq"
	"github.com/dapr/kit/logger"
)

// A broker that dies between a publish and its confirmation: it speaks as much of AMQP 0-9-1 as that takes.

// method is a class and a method of AMQP.
type method struct{ class, method uint16 }

// replies are what the broker answers, with the arguments as bytes.
var replies = map[method]struct {
	reply     method
	arguments string
}{
	{10, 11}: {method{10, 30}, "\x07\xff\x00\x02\x00\x00\x00\x00"}, // start-ok: tune
	{10, 40}: {method{10, 41}, "\x00"},                             // open: open-ok
	{20, 10}: {method{20, 11}, "\x00\x00\x00\x00"},                 // channel open: open-ok
	{40, 10}: {method{40, 11}, ""},                                 // exchange declare: declare-ok
	{85, 10}: {method{85, 11}, ""},                                 // confirm select: select-ok
}

var (
	start   = method{10, 10}
	publish = method{60, 40}
	// Version 0-9, no properties, the mechanisms and the locales.
	startArguments = "\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"
)

func write(conn net.Conn, channel uint16, m method, arguments string) {
	frame := binary.BigEndian.AppendUint16([]byte{1}, channel)
	frame = binary.BigEndian.AppendUint32(frame, uint32(4+len(arguments)))
	frame = binary.BigEndian.AppendUint16(frame, m.class)
	frame = binary.BigEndian.AppendUint16(frame, m.method)
	_, _ = conn.Write(append(append(frame, arguments...), 0xce))
}

// serve returns when the client has published, or when its connection has ended.
func serve(conn net.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
		return
	}
	write(conn, 0, start, startArguments)
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		if head[0] != 1 {
			continue
		}
		got := method{binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])}
		if got == publish {
			return
		}
		if answer, ok := replies[got]; ok {
			write(conn, binary.BigEndian.Uint16(head[1:]), answer.reply, answer.arguments)
		}
	}
}

func publishTo(t *testing.T, component pubsub.PubSub) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	settings := pubsub.Metadata{Base: metadata.Base{Properties: map[string]string{
		"protocol": "amqp", "hostname": listener.Addr().String(), "username": "guest", "password": "guest",
		"consumerID": "test", "durable": "true", "deliveryMode": "2", "publisherConfirm": "true",
	}}}
	if err := component.Init(ctx, settings); err != nil {
		t.Fatal(err)
	}
	defer component.Close()
	return component.Publish(ctx, &pubsub.PublishRequest{Topic: "order.created", Data: []byte("{}")})
}

// If this fails, the released component has learnt to wait, and rabbitmq.go can go.
func TestReleasedComponentReportsSuccessWithoutConfirmation(t *testing.T) {
	if err := publishTo(t, rabbitmq.NewRabbitMQ(logger.NewLogger("test"))); err != nil {
		t.Errorf("it has returned %v", err)
	}
}

func TestReliableComponentReportsThatTheConfirmationIsMissing(t *testing.T) {
	if err := publishTo(t, newRabbitMQ(logger.NewLogger("test"))); err == nil {
		t.Error("it has reported success")
	}
}
