//go:build tools

// Package pin keeps influxd among the requirements when the module is tidied.
package pin

import _ "github.com/influxdata/influxdb/v2/cmd/influxd"
