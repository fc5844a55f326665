// Command install installs what tests and the bench need, ahead of them:
// `install` everything, `install kafka-4.4.0` one set of jars, whose directory
// it prints.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/millrace/millrace/e2e/clients"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := install(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func install(ctx context.Context, sets []string) error {
	cache, err := clients.Open(os.Stderr)
	if err != nil {
		return err
	}
	all := len(sets) == 0
	if all {
		sets = clients.Sets()
	}
	for _, set := range sets {
		dir, err := cache.Jars(ctx, set)
		if err != nil {
			return err
		}
		fmt.Println(dir)
	}
	if !all {
		return nil
	}
	if _, err := cache.Python(ctx); err != nil {
		return err
	}
	if _, _, err := cache.Node(ctx); err != nil {
		return err
	}
	_, err = cache.Kcat(ctx)
	return err
}
