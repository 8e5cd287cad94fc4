// Daprd with the components that the platform uses. scripts/start/runtime.mjs names those of Dapr itself.
package main

import (
	"os"
	"slices"
	"strings"

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

// Arguments of a sidecar on one machine. The dapr command cannot pass the last two. By their defaults every
// host of the network reaches the internal API and the metrics.
var loopback = []string{
	"--dapr-listen-addresses=127.0.0.1",
	"--dapr-internal-grpc-listen-address=127.0.0.1",
	"--metrics-listen-address=127.0.0.1",
}

// stayOnLoopback sets the defaults of a sidecar that is called from its own machine only. The arguments of
// the command line override them, because the last one of a name counts. Sidecars on Kubernetes call each
// other over the network.
func stayOnLoopback() {
	for _, arg := range os.Args[1:] {
		if strings.TrimPrefix(strings.TrimLeft(arg, "-"), "mode=") == "kubernetes" {
			return
		}
	}
	os.Args = slices.Concat(os.Args[:1], loopback, os.Args[1:])
	// The address under which other sidecars find it. The default is the machine's external one.
	if os.Getenv("DAPR_HOST_IP") == "" {
		os.Setenv("DAPR_HOST_IP", "127.0.0.1")
	}
}

func main() {
	stayOnLoopback()
	bindingRegistry, resolverRegistry := bindingsloader.DefaultRegistry, resolverloader.DefaultRegistry
	bindingRegistry.RegisterInputBinding(func(l logger.Logger) bindings.InputBinding { return newMQTT(l) }, "mqtt3")
	bindingRegistry.RegisterOutputBinding(func(l logger.Logger) bindings.OutputBinding { return newMQTT(l) }, "mqtt3")
	bindingRegistry.RegisterOutputBinding(smtp.NewSMTP, "smtp")
	resolverRegistry.RegisterComponent(sqlite.NewResolver, "sqlite")
	resolverRegistry.RegisterComponent(consul.NewResolver, "consul")
	pubsubloader.DefaultRegistry.RegisterComponent(newRabbitMQ, "rabbitmq")
	app.Run()
}
