#!/bin/sh
# Records anew what the packages of Kubernetes answer (Go is needed; the modules are the published ones):
#   test/golden/recorder/record.sh
# go-fields.json is what scripts/generate-go-fields.ts makes core/api/schema/go-fields-1.36.json from.
set -eu
cd "$(dirname "$0")"
run() { go run "./$1"; }
run facts > ../facts/apimachinery.json
run decode > ../decode/decode.jsonl
run patch > ../patch/strategic.jsonl
run protobuf > ../protobuf/objects.jsonl
run managed-fields > ../managed-fields/updates.jsonl
run go-fields > "${TMPDIR:-/tmp}/go-fields.json"
node ../../../scripts/generate-go-fields.ts "${TMPDIR:-/tmp}/go-fields.json"
