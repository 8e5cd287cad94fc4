// Daprd with the stable components of its release, and the few others that the platform uses.
// Build with -tags stablecomponents: without a tag daprd refuses to start.
package main

import (
	"github.com/dapr/components-contrib/bindings"
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
	bindingRegistry, resolverRegistry := bindingsloader.DefaultRegistry, resolverloader.DefaultRegistry
	bindingRegistry.RegisterInputBinding(func(l logger.Logger) bindings.InputBinding { return newMQTT(l) }, "mqtt3")
	bindingRegistry.RegisterOutputBinding(func(l logger.Logger) bindings.OutputBinding { return newMQTT(l) }, "mqtt3")
	bindingRegistry.RegisterOutputBinding(smtp.NewSMTP, "smtp")
	resolverRegistry.RegisterComponent(sqlite.NewResolver, "sqlite")
	resolverRegistry.RegisterComponent(consul.NewResolver, "consul")
	// Replaces the pubsub.rabbitmq that the build tag includes.
	pubsubloader.DefaultRegistry.RegisterComponent(newRabbitMQ, "rabbitmq")
	app.Run()
}
