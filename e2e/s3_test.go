//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// s3 runs `aws s3` and answers what it prints.
func (a awsCLI) s3(args ...string) string {
	a.t.Helper()
	return a.must("", a.path, append([]string{"s3"}, args...)...)
}

// noise is bytes that do not repeat.
func noise(n int) []byte {
	out := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(out) // it does not fail
	return out
}

// TestBucketsOnTheCommandLine shows it.
//
// Works: AWS CLI: aws s3 mb, cp of small and multipart objects with checksums, sync, ls, presign, rm and rb; aws ssm and application-autoscaling
func TestBucketsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	i := start(t)
	a := i.aws()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	big := noise(20 << 20)
	a.s3("mb", "s3://logs")
	a.s3("cp", "--no-progress", write("big", big), "s3://logs/a/big", "--metadata", "origin=here")
	a.s3("cp", "--no-progress", "s3://logs/a/big", filepath.Join(dir, "again"))
	if got, err := os.ReadFile(filepath.Join(dir, "again")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(big), err)
	}
	a.s3("cp", "--no-progress", "s3://logs/a/big", "s3://logs/copy of it")
	if err := os.MkdirAll(filepath.Join(dir, "tree/sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("tree/one", []byte("1"))
	write("tree/sub/two", []byte("22"))
	a.s3("sync", "--no-progress", filepath.Join(dir, "tree"), "s3://logs/tree")
	if out := a.s3("sync", "--no-progress", filepath.Join(dir, "tree"), "s3://logs/tree"); out != "" {
		t.Errorf("a second sync did %s", out)
	}
	if out := a.s3("ls", "s3://logs", "--recursive"); strings.Count(out, "\n") != 4 || !strings.Contains(out, "20971520 copy of it") {
		t.Errorf("listed %s", out)
	}
	i.env["AWS_CONFIG_FILE"] = write("config", []byte("[default]\ns3 =\n  signature_version = s3v4\n")) // it presigns with the older one else
	url := strings.TrimSpace(a.s3("presign", "s3://logs/tree/sub/two"))
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || string(data) != "22" {
		t.Errorf("the presigned URL answers %d %s, %v", resp.StatusCode, data, err)
	}
	a.s3("rm", "s3://logs", "--recursive")
	a.s3("rb", "s3://logs")

	a.must("", a.path, "ssm", "put-parameter", "--name", "/a/b", "--type", "SecureString", "--value", "hidden")
	if out := a.must("", a.path, "ssm", "get-parameters-by-path", "--path", "/a", "--with-decryption", "--query", "Parameters[0].Value", "--output", "text"); strings.TrimSpace(out) != "hidden" {
		t.Errorf("the parameter is %s", out)
	}
	a.must("", a.path, "application-autoscaling", "describe-scalable-targets", "--service-namespace", "kafka")
}

// TestBoto3S3 is testdata/boto3_s3.py.
//
// Works: boto3: S3 buckets, objects, uploads in parts, lists, presigned URLs, ownership controls, ACLs and public access blocks, answers held to botocore's models
func TestBoto3S3(t *testing.T) {
	t.Parallel()
	i := start(t)
	key, secret := i.otherAccount()
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), "testdata/boto3_s3.py", key, secret))
}

// TestObjectsOutliveAKill kills the server in the midst of uploads: every object
// is then what it was before or what was put.
func TestObjectsOutliveAKill(t *testing.T) {
	t.Parallel()
	i := start(t)
	a := i.aws()
	path := filepath.Join(t.TempDir(), "object")
	if err := os.WriteFile(path, noise(30<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	a.s3("mb", "s3://logs")
	a.must("old", a.path, "s3", "cp", "-", "s3://logs/k")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = i.exec("", a.path, "s3api", "put-object", "--bucket", "logs", "--key", "k", "--body", path) // cut off, or done
	}()
	blobs := func() (n int64) {
		_ = filepath.WalkDir(filepath.Join(i.dir, "s3", "blobs"), func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if info, err := d.Info(); err == nil {
					n += info.Size()
				}
			}
			return nil
		})
		return n
	}
	poll(t, startTime, "the upload to be under way", func() bool { return blobs() > 1<<20 })
	i.kill()
	i.run()
	<-ended
	out := a.must("", a.path, "s3", "cp", "s3://logs/k", "-")
	if out != "old" && len(out) != 30<<20 {
		t.Errorf("the object has %d bytes", len(out))
	}
	poll(t, startTime, "what the kill left to be removed", func() bool { return out != "old" || blobs() < 1<<20 })
}

// TestTerraformAround shows it.
//
// Works: Terraform: aws_s3_bucket, policy, encryption, ownership controls, ACL, public access block and object, aws_ssm_parameter with its data source, aws_appautoscaling_target and policy, aws_cloudwatch_metric_alarm, an aws_acmpca_certificate_authority without a certificate, without drift
func TestTerraformAround(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("around")
	around := []string{"-var", "subnets=" + strings.Join(i.subnets(), ","), "-var", "group=" + i.env["MILLRACE_SECURITY_GROUP"]}
	tf.apply(15, 0, 0, around...)
	if got := tf.output("password"); got != "correct horse" {
		t.Errorf("the data source says %q", got)
	}
	around = append(around, "-var", "level=info")
	tf.apply(0, 6, 0, around...)
	tf.destroy(15, around...)
}
