//go:build tools

// Package etcd names the module of the store that the real API server runs on; nothing of it is in this tree.
package etcd

import (
	_ "go.etcd.io/etcd/server/v3"
)
