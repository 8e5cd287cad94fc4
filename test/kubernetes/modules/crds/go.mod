module omnichannel/kubernetes/crds

go 1.26

// Only the definitions of their objects are used, not their programs.
require (
	github.com/kedacore/keda/v2 v2.18.1
	sigs.k8s.io/gateway-api v1.3.0
)
