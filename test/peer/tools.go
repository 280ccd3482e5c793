//go:build tools

// Package peer names the published modules that the real Kubernetes and its suite are built from; nothing of them is in this tree.
package peer

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/test/e2e"
)
