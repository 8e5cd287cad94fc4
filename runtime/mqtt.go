package main

import (
	"context"

	"github.com/dapr/components-contrib/bindings"
	mqtt3 "github.com/dapr/components-contrib/bindings/mqtt3"
	"github.com/dapr/kit/logger"
)

// maxDeviceMessage is above the limit of a device's message (64 KiB), so that iot-gateway recognises a
// message that was cut as oversized, and below the limit of a gRPC message (4 MiB).
const maxDeviceMessage = 128 * 1024

// boundedMQTT cuts messages that are larger than the app's gRPC server accepts. Without it, bindings.mqtt3
// redelivers such a message without end, and a few of them fill the broker's in-flight slots and stop all
// other devices. The app rejects, counts and acknowledges what was cut.
type boundedMQTT struct {
	bindings.InputOutputBinding
}

func newMQTT(l logger.Logger) boundedMQTT {
	return boundedMQTT{mqtt3.NewMQTT(l)}
}

func (m boundedMQTT) Read(ctx context.Context, handler bindings.Handler) error {
	return m.InputOutputBinding.Read(ctx, func(ctx context.Context, message *bindings.ReadResponse) ([]byte, error) {
		if len(message.Data) > maxDeviceMessage {
			message.Data = message.Data[:maxDeviceMessage:maxDeviceMessage]
		}
		return handler(ctx, message)
	})
}
