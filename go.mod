module github.com/millrace/millrace

go 1.26.0

require go.etcd.io/bbolt v1.5.0

require (
	github.com/twmb/franz-go v1.22.2 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)
