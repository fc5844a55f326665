// Command probe asks a running Kafka broker what it serves and prints the
// answer as the JSON that internal/gen/wire reads from testdata/apiversions:
//
//	go run ./internal/gen/wire/probe 127.0.0.1:9092 3.9.2 > 3.9.2.json
//
// People run it by hand against a real broker when a Kafka line is added; no
// program of Millrace calls it.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const maxAnswer = 1 << 20 // bytes

type answer struct {
	Source   string
	Request  int16 // version of the ApiVersions request that was answered
	Keys     [][3]int16
	Features []feature
}

type feature struct {
	Name           string
	Min, Max       int16
	Finalized      int16
	FinalizedEpoch int64
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("want an address and a version")
	}
	for _, version := range []int16{4, 3} {
		resp, err := ask(args[0], version)
		if err != nil {
			return err
		}
		if resp.ErrorCode != 0 {
			continue
		}
		out, err := json.Marshal(convert(args[1], version, resp))
		if err == nil {
			_, err = fmt.Printf("%s\n", out)
		}
		return err
	}
	return errors.New("the broker answers neither ApiVersions v4 nor v3")
}

func ask(address string, version int16) (*kmsg.ApiVersionsResponse, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = version
	req.ClientSoftwareName, req.ClientSoftwareVersion = "probe", "1"
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("probe")).AppendRequest(nil, req, 1)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > maxAnswer {
		return nil, fmt.Errorf("answer of %d bytes", n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = version
	if len(frame) >= 6 && binary.BigEndian.Uint16(frame[4:]) == 35 { // UNSUPPORTED_VERSION comes as v0
		resp.Version = 0
	}
	return resp, resp.ReadFrom(frame[4:])
}

func convert(source string, version int16, resp *kmsg.ApiVersionsResponse) answer {
	a := answer{Source: "Apache Kafka " + source, Request: version}
	for _, k := range resp.ApiKeys {
		a.Keys = append(a.Keys, [3]int16{k.ApiKey, k.MinVersion, k.MaxVersion})
	}
	for _, s := range resp.SupportedFeatures {
		f := feature{Name: s.Name, Min: s.MinVersion, Max: s.MaxVersion, FinalizedEpoch: resp.FinalizedFeaturesEpoch}
		for _, l := range resp.FinalizedFeatures {
			if l.Name == s.Name {
				f.Finalized = l.MaxVersionLevel
			}
		}
		a.Features = append(a.Features, f)
	}
	return a
}
