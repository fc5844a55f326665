package clients

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sets are groups of jars that belong on one class path, as Maven coordinates.
// Kafka 4 logs through log4j 2 but does not bring SLF4J's binding for it.
var sets = map[string][]string{
	"kafka-4.4.0": {"org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"},
	"kafka-4.1.2": {"org.apache.kafka:kafka_2.13:4.1.2", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"},
	"kafka-3.9.2": {"org.apache.kafka:kafka_2.13:3.9.2", "org.slf4j:slf4j-reload4j:1.7.36"},
	"kafka-3.4.1": {"org.apache.kafka:kafka_2.13:3.4.1"},
	"kafka-2.8.1": {"org.apache.kafka:kafka_2.13:2.8.1"},
	"tools-4.3.1": {
		"org.apache.kafka:kafka-tools:4.3.1", "org.apache.kafka:kafka_2.13:4.3.1",
		"org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
		"software.amazon.msk:aws-msk-iam-auth:2.3.9:all",
	},
	"streams-4.3.1": {"org.apache.kafka:kafka-streams:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"},
	"connect-4.3.1": {
		"org.apache.kafka:connect-runtime:4.3.1", "org.apache.kafka:connect-file:4.3.1", "org.apache.kafka:connect-json:4.3.1",
		"org.apache.kafka:connect-mirror:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
	},
	"clients-2.8.1": {"org.apache.kafka:kafka-clients:2.8.1", "software.amazon.msk:aws-msk-iam-auth:1.1.7:all"},
	"clients-4.4.0": {"org.apache.kafka:kafka-clients:4.4.0", "software.amazon.msk:aws-msk-iam-auth:2.3.9:all"},
	"flink-2.2.1": {
		"org.apache.flink:flink-clients:2.2.1", "org.apache.flink:flink-streaming-java:2.2.1", "org.apache.flink:flink-connector-base:2.2.1",
		"org.apache.flink:flink-connector-kafka:5.0.0-2.2", "software.amazon.msk:aws-msk-iam-auth:2.3.9:all",
	},
	"spark-4.2.0":  {"org.apache.spark:spark-sql_2.13:4.2.0", "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"},
	"spring-4.1.2": {"org.springframework.kafka:spring-kafka:4.1.2"},
	"tools-3.4.1": {
		"org.apache.kafka:kafka-tools:3.4.1", "org.apache.kafka:kafka_2.13:3.4.1",
		"software.amazon.msk:aws-msk-iam-auth:1.1.7:all",
	},
}

// Sets are the names that Jars takes.
func Sets() []string { return slices.Sorted(maps.Keys(sets)) }

// python is what the virtual environment holds. awscli and boto3 must agree on
// one botocore.
var python = []string{
	"awscli==1.46.3", "boto3==1.44.3", "confluent-kafka==2.16.1",
	"aws-msk-iam-sasl-signer-python==1.0.2", "kafka-python==3.0.12", "aiokafka==0.14.0",
}

var node = []string{"kafkajs@2.2.4", "aws-msk-iam-sasl-signer-js@1.0.3"}

// Jars installs a set and returns the directory with its jars.
func (c *Cache) Jars(ctx context.Context, set string) (string, error) {
	coordinates, ok := sets[set]
	if !ok {
		return "", fmt.Errorf("no set of jars is called %q, but %s", set, strings.Join(Sets(), ", "))
	}
	mvn, err := c.Program(ctx, "mvn", "maven")
	if err != nil {
		return "", err
	}
	pom, err := pomOf(set, coordinates)
	if err != nil {
		return "", err
	}
	dir, err := c.install(ctx, set, strings.Join(coordinates, " "), func(ctx context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o644); err != nil {
			return err
		}
		return run(ctx, dir, nil, mvn, "-B", "-q", "-f", "pom.xml", "dependency:copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory=lib")
	})
	return filepath.Join(dir, "lib"), err
}

// pomOf is a project that does nothing but depend.
func pomOf(name string, coordinates []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>millrace.test</groupId><artifactId>%s</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
`, name)
	for _, c := range coordinates {
		p := strings.Split(c, ":")
		if len(p) != 3 && len(p) != 4 {
			return "", fmt.Errorf("%q is not group:artifact:version[:classifier]", c)
		}
		fmt.Fprintf(&b, "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>", p[0], p[1], p[2])
		if len(p) == 4 {
			// A classifier's jar holds what it needs: its dependencies would be
			// on the class path a second time.
			fmt.Fprintf(&b, "<classifier>%s</classifier><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>", p[3])
		}
		b.WriteString("</dependency>\n")
	}
	b.WriteString("</dependencies>\n</project>\n")
	return b.String(), nil
}

// Python installs a virtual environment and returns its directory of programs:
// python, aws.
func (c *Cache) Python(ctx context.Context) (string, error) {
	python3, err := c.Program(ctx, "python3", "python3-venv")
	if err != nil {
		return "", err
	}
	dir, err := c.install(ctx, "python", strings.Join(python, " "), func(ctx context.Context, dir string) error {
		if err := run(ctx, dir, nil, python3, "-m", "venv", "."); err != nil {
			return err
		}
		args := append([]string{"-m", "pip", "install", "-q", "--no-input"}, python...)
		return run(ctx, dir, nil, filepath.Join(dir, "bin", "python"), args...)
	})
	return filepath.Join(dir, "bin"), err
}

// Node installs the JavaScript clients and returns the node program and the
// directory whose node_modules has them.
func (c *Cache) Node(ctx context.Context) (program, dir string, err error) {
	program, err = c.Program(ctx, "node", "nodejs")
	npm, npmErr := c.Program(ctx, "npm", "npm")
	if err := errors.Join(err, npmErr); err != nil {
		return "", "", err
	}
	dir, err = c.install(ctx, "node", strings.Join(node, " "), func(ctx context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o644); err != nil {
			return err
		}
		args := append([]string{"install", "--no-audit", "--no-fund", "--loglevel=error"}, node...)
		return run(ctx, dir, []string{"CI=true"}, npm, args...)
	})
	return program, dir, err
}

// Kcat is the kcat program.
func (c *Cache) Kcat(ctx context.Context) (string, error) { return c.Program(ctx, "kcat", "kcat") }
