// Daprd with the stable components of its release and the few others that the platform uses.
// Build with -tags stablecomponents: without a tag daprd refuses to start.
package main

import (
	"github.com/dapr/components-contrib/bindings"
	mqtt3 "github.com/dapr/components-contrib/bindings/mqtt3"
	"github.com/dapr/components-contrib/bindings/smtp"
	"github.com/dapr/components-contrib/nameresolution/hashicorp/consul"
	"github.com/dapr/components-contrib/nameresolution/sqlite"
	"github.com/dapr/dapr/cmd/daprd/app"
	bindingsloader "github.com/dapr/dapr/pkg/components/bindings"
	resolverloader "github.com/dapr/dapr/pkg/components/nameresolution"
	pubsubloader "github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/kit/logger"
)

func main() {
	in, names := bindingsloader.DefaultRegistry, resolverloader.DefaultRegistry
	in.RegisterInputBinding(func(l logger.Logger) bindings.InputBinding { return mqtt3.NewMQTT(l) }, "mqtt3")
	in.RegisterOutputBinding(func(l logger.Logger) bindings.OutputBinding { return mqtt3.NewMQTT(l) }, "mqtt3")
	in.RegisterOutputBinding(smtp.NewSMTP, "smtp")
	names.RegisterComponent(sqlite.NewResolver, "sqlite")
	names.RegisterComponent(consul.NewResolver, "consul")
	// in the place of the one that the tag brings
	pubsubloader.DefaultRegistry.RegisterComponent(newRabbitMQ, "rabbitmq")
	app.Run()
}
